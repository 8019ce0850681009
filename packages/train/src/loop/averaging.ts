/** Averages of the weights in a run: which, when they take in new weights, and which learning rate goes with them. */

import type { Module } from '@tessera/nn';
import { compile, getDefaultGenerator, noGrad, realize, tidy } from '@tessera/tensor';
import { AveragedModel } from '../optim/averaged-model.ts';
import type { MeasuredSchedule, Schedule } from '../optim/settings.ts';
import { swaLR } from '../optim/swa-lr.ts';
import { trainedBatchNorms } from '../optim/update-bn.ts';
import { type BatchTensors, enterTraining, type Objective } from './objective.ts';
import { inPrecision, type MixedPrecision } from './precision.ts';
import { type LengthSettings, type RunLength, runLength } from './run-length.ts';

/** Averages of the weights of a run, which are evaluated and saved in place of the trained ones. */
export interface Averaging {
  readonly averages: AveragedModel;
  /** The number of complete epochs after which the weights are taken in, at the end of each; null: they are in every step. */
  readonly startEpoch: number | null;
  /** In words. */
  readonly description: string;
}

interface AveragingSettings {
  readonly ema: { readonly decay: number | null; readonly warmup: boolean; readonly useBuffers: boolean };
  readonly swa: {
    readonly startEpoch: number | null;
    readonly lr: number | null;
    readonly annealEpochs: number;
    readonly annealStrategy: 'cos' | 'linear';
  };
  readonly training: LengthSettings;
}

/** @throws RangeError where the settings do not go together; the message names them */
export function checkAveraging({ ema, swa, training: { epochs, maxSteps = null } }: AveragingSettings): void {
  if (ema.decay !== null && swa.startEpoch !== null)
    throw new RangeError(
      `ema.decay is ${ema.decay} and swa.startEpoch is ${swa.startEpoch}: a run has one average, so set one of them to null`,
    );
  // The number of epochs of a run in steps depends on the data.
  if (maxSteps === null) checkAveragedEpochs({ swa }, runLength({ epochs }, 1));
  for (const [name, isSet, needed] of [
    ['ema.warmup', ema.warmup, ema.decay === null ? 'ema.decay' : null],
    ['ema.useBuffers', ema.useBuffers, ema.decay === null ? 'ema.decay' : null],
    ['swa.lr', swa.lr !== null, swa.startEpoch === null ? 'swa.startEpoch' : null],
  ] as const)
    if (isSet && needed !== null)
      throw new RangeError(`${name} is set, but ${needed} is null, so it would have no effect`);
}

/** @throws RangeError where the run ends before the first epoch whose weights count */
export function checkAveragedEpochs(
  { swa: { startEpoch } }: Pick<AveragingSettings, 'swa'>,
  { completeEpochs, setting }: RunLength,
): void {
  if (startEpoch !== null && startEpoch > completeEpochs)
    throw new RangeError(`swa.startEpoch is ${startEpoch}, but the run has ${setting}, so there would be no average`);
}

/** The averages that the settings ask for; null: none. */
export function createAveraging({ ema, swa }: AveragingSettings, model: Module): Averaging | null {
  if (ema.decay !== null)
    return {
      averages: new AveragedModel(model, ema),
      startEpoch: null,
      description: `exponential moving average, decay ${ema.decay}${ema.warmup ? ' with a warm-up' : ''}`,
    };
  if (swa.startEpoch === null) return null;
  const { startEpoch } = swa;
  return { averages: new AveragedModel(model), startEpoch, description: `mean of the epochs from ${startEpoch} on` };
}

/** The schedule of a run, with the learning rate of its averages. @throws RangeError where the schedule follows a measure */
export function averagedSchedule(
  schedule: Schedule | MeasuredSchedule,
  { lr: swaLr, startEpoch, annealEpochs, annealStrategy }: AveragingSettings['swa'],
  stepsPerEpoch: number,
): Schedule | MeasuredSchedule {
  if (swaLr === null || startEpoch === null) return schedule;
  if (typeof schedule !== 'function')
    throw new RangeError(
      'swa.lr is set, but the schedule follows a measure: choose another schedule.kind, or swa.lr=null',
    );
  const before = (startEpoch - 1) * stepsPerEpoch;
  const ofEpochs = swaLR(() => schedule(before), { start: 0, swaLr, annealEpochs, annealStrategy });
  return (step) => (step < before ? schedule(step) : ofEpochs(Math.floor((step - before) / stepsPerEpoch)));
}

/** Whether the averages take the place of the trained weights after this many epochs. */
export const isAveraged = ({ startEpoch }: Averaging, completeEpochs: number): boolean =>
  startEpoch === null || completeEpochs >= startEpoch;

/** Takes the weights at the end of an epoch into the averages. */
export async function averageEpoch({ averages }: Averaging): Promise<void> {
  await tidy(async () => {
    averages.updateParameters();
    await realize(...averages.namedState().map(([, buffer]) => buffer));
  });
}

/**
 * Computes the running statistics of batch normalization that the averages have, with one pass over the batches. Random numbers are those
 * of a run without the pass.
 */
export async function averageStatistics<Batch extends BatchTensors>(
  { averages }: Averaging,
  objective: Objective<Batch>,
  batches: () => AsyncIterable<{ toTensors(): Batch | Promise<Batch> }>,
  precision: MixedPrecision = {},
): Promise<void> {
  enterTraining(objective);
  if (trainedBatchNorms(objective.model).length === 0) return;
  const generator = getDefaultGenerator().state();
  const forward = compile((batch: Batch) => {
    enterTraining(objective);
    noGrad(() => inPrecision(precision, () => objective.loss(batch)));
    return [];
  });
  try {
    await averages.updateBn(async () => {
      for await (const batch of batches()) await tidy(async () => forward(await batch.toTensors()));
    });
  } finally {
    forward.dispose();
    getDefaultGenerator().setState(generator);
  }
}
