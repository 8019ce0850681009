/** The differences between the configuration of a checkpoint and that of the run that continues from it. */
import { differingSettings } from '../loop/checkpoint.ts';

/** Settings that may change when a run is resumed, because they do not affect the rest of its training. */
const free = [
  /^name$/,
  /^evaluation\./,
  /^checkpoints\./,
  /^training\.earlyStopping\./,
  /^runtime\./,
  /^data\.(dataset|workers|prefetch|cacheMegabytes|readAheadMegabytes)$/,
  /^initialize\./,
];

/** Settings of the run's length: a larger number continues the run. */
const growing = ['training.epochs', 'training.maxSteps'];

/** The changed settings that would affect the training of a resumed run. */
export function changedSettings(before: unknown, now: unknown): { key: string; first: string; second: string }[] {
  return differingSettings(before, now).filter(
    ({ key, first, second }) =>
      !free.some((pattern) => pattern.test(key)) && !(growing.includes(key) && Number(second) > Number(first)),
  );
}
