/** The speed of a run over its last steps. */
import type { RawRecord } from '../metrics/parse-step.ts';
import type { Pace } from '../shared/api.ts';

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** @param steps lines of consecutive steps */
export function paceOf(steps: readonly RawRecord[]): Pace | null {
  if (steps.length === 0) return null;
  // Steps have the same number of images: the mean rate is their number divided by the sum of the times of an image.
  let [images, time, work, isWorkKnown] = [0, 0, 0, true];
  for (const { imagesPerSecond, mfu } of steps) {
    if (!isNumber(imagesPerSecond) || imagesPerSecond <= 0) continue;
    images++;
    time += 1 / imagesPerSecond;
    if (isNumber(mfu)) work += mfu / imagesPerSecond;
    else isWorkKnown = false;
  }
  const [first, last] = [steps[0]?.time, steps.at(-1)?.time];
  const isTimed = isNumber(first) && isNumber(last) && steps.length > 1;
  return {
    steps: steps.length,
    imagesPerSecond: images === 0 ? null : images / time,
    mfu: images === 0 || !isWorkKnown ? null : work / time,
    secondsPerStep: isTimed ? (last - first) / (steps.length - 1) : null,
  };
}
