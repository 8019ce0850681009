/** Checks of the options of schedules. */

export const stepCount = (count: number): string => (count === 1 ? '1 step' : `${count} steps`);

/** @throws RangeError where the value is not a finite number of at least 0 */
export function checkRate(name: string, option: string, value: number): void {
  if (!Number.isFinite(value) || value < 0)
    throw new RangeError(`${name}: ${option} is ${value}, expected a number >= 0`);
}

/** @throws RangeError where the value is not a whole number of at least 0 */
export function checkSteps(name: string, option: string, value: number): void {
  if (!Number.isInteger(value) || value < 0)
    throw new RangeError(`${name}: ${option} is ${value}, expected a whole number of steps >= 0`);
}

/** @throws RangeError where the value is not a whole number of at least 1 */
export function checkCount(name: string, option: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${name}: ${option} is ${value}, expected a whole number >= 1`);
}

/** @throws RangeError where the value is not between the bounds, both included */
export function checkRange(name: string, option: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high))
    throw new RangeError(`${name}: ${option} is ${value}, expected a number between ${low} and ${high}`);
}
