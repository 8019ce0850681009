/** Keeps the best checkpoints of a run in its folder. */
import { type BestRule, bestOf, type EvaluatedCheckpoint } from './best-checkpoints.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';

/**
 * Keeps the checkpoints that are the best of those that were evaluated.
 *
 * @param evaluated the best ones so far, and the latest
 * @param say shows a message to the user
 * @returns the best ones that are in the folder, best first
 */
export async function keepBest(
  checkpoints: CheckpointFolder,
  rule: BestRule,
  evaluated: readonly EvaluatedCheckpoint[],
  say: (message: string) => void,
): Promise<readonly EvaluatedCheckpoint[]> {
  const best = bestOf(rule, evaluated);
  const lost = await checkpoints.keepBest(
    best.map(({ step }) => step),
    evaluated.at(-1)?.step ?? 0,
  );
  for (const step of lost)
    say(
      `the checkpoint of step ${step} was one of the best, but is no longer in ${checkpoints.path}: it is not counted`,
    );
  return best.filter(({ step }) => !lost.includes(step));
}
