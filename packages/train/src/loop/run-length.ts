/** How long a run is: in epochs, or in steps. */
import type { Position } from './checkpoint.ts';

/** The settings of a run's length. */
export interface LengthSettings {
  readonly epochs: number;
  /** The number of steps, in place of `epochs`; null: `epochs`. */
  readonly maxSteps?: number | null;
}

/** The length of a run on data whose epochs have a known number of batches. */
export interface RunLength {
  readonly totalSteps: number;
  /** The number of epochs, the last one incomplete where the run ends within it. */
  readonly epochs: number;
  /** With the part of the last one, such as 2.5. */
  readonly exactEpochs: number;
  /** The number of epochs that the run completes. */
  readonly completeEpochs: number;
  /** The setting that decides, with its value, for messages. */
  readonly setting: string;
}

export function runLength({ epochs, maxSteps = null }: LengthSettings, batchesPerEpoch: number): RunLength {
  const totalSteps = maxSteps ?? epochs * batchesPerEpoch;
  const exactEpochs = totalSteps / batchesPerEpoch;
  return {
    totalSteps,
    epochs: Math.ceil(exactEpochs),
    exactEpochs,
    completeEpochs: Math.floor(exactEpochs),
    setting:
      maxSteps === null
        ? `training.epochs=${epochs}`
        : `training.maxSteps=${maxSteps}, which is ${formatEpochs(exactEpochs)}`,
  };
}

/** 1 as "1 epoch", 2.345 as "2.35 epochs". */
export const formatEpochs = (epochs: number): string => {
  const text = String(Number(epochs.toFixed(2)));
  if (text === '0') return 'less than 0.01 epochs';
  return text === '1' ? '1 epoch' : `${text} epochs`;
};

/** Whether a run has taken all its steps. A run in epochs may have had epochs of another length before it was resumed. */
export const hasAllSteps = (
  { step, epoch }: Pick<Position, 'step' | 'epoch'>,
  { epochs, maxSteps = null }: LengthSettings,
): boolean => (maxSteps === null ? epoch >= epochs : step >= maxSteps);
