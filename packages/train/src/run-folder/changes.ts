/** What differs between a run as its checkpoint was written and as it is about to continue. */
import { differingSettings } from '../loop/checkpoint.ts';

/** Settings that do not change what is computed from here on, or are meant to be changed between parts of a run. */
const free = [
  /^name$/,
  /^evaluation\./,
  /^checkpoints\./,
  /^runtime\./,
  /^data\.(dataset|workers|prefetch|cacheMegabytes)$/,
  /^initialize\./,
];

/** The settings in which a resumed run would compute something else than the run that its checkpoint is of. */
export function changedSettings(before: unknown, now: unknown): { key: string; first: string; second: string }[] {
  return differingSettings(before, now).filter(
    ({ key, first, second }) =>
      !free.some((pattern) => pattern.test(key)) &&
      // More epochs continue the run. The schedule follows from their number, so fewer or more of them are told, but not refused.
      !(key === 'training.epochs' && Number(second) > Number(first)),
  );
}
