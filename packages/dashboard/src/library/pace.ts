/** The speed of a run over its last steps. */
import type { RawRecord } from '../metrics/parse-step.ts';
import type { Pace } from '../shared/api.ts';

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** @param steps lines of consecutive steps */
export function paceOf(steps: readonly RawRecord[]): Pace | null {
  if (steps.length === 0) return null;
  let [images, time, work, isWorkKnown] = [0, 0, 0, true];
  for (const { imagesPerSecond, mfu, seconds } of steps) {
    if (!isNumber(imagesPerSecond) || imagesPerSecond <= 0) continue;
    // Without its duration, a step counts as one image: steps have the same number of images.
    const duration = isNumber(seconds) ? seconds : 1 / imagesPerSecond;
    images += imagesPerSecond * duration;
    time += duration;
    if (isNumber(mfu)) work += mfu * duration;
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
