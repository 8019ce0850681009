/** The configurations that a sweep tries: all of a grid, or random samples. */
import { CounterRandom, purpose } from '@tessera/data';
import { ConfigError } from '../config/resolve.ts';
import { isList, type Parameter } from './definition.ts';

/** A value for each parameter, by the key of its setting. */
export type Assignment = Readonly<Record<string, unknown>>;

export type Parameters = Readonly<Record<string, Parameter>>;

/** All combinations of the lists' values. The last parameter changes fastest, as with Python's `itertools.product`. */
export function gridOf(parameters: Parameters): Assignment[] {
  return Object.entries(parameters).reduce<Assignment[]>(
    (partial, [key, values]) =>
      partial.flatMap((assignment) => (isList(values) ? values : []).map((value) => ({ ...assignment, [key]: value }))),
    [{}],
  );
}

/** The number of different combinations; infinite where a range has no steps. */
function spaceSize(parameters: Parameters): number {
  return Object.values(parameters).reduce<number>((size, parameter) => {
    if (isList(parameter)) return size * parameter.length;
    return size * (parameter.distribution === 'integer' ? parameter.max - parameter.min + 1 : Number.POSITIVE_INFINITY);
  }, 1);
}

/** One value. @param u uniform in [0, 1) */
function valueAtShare(parameter: Parameter, u: number): unknown {
  if (isList(parameter)) return parameter[Math.floor(u * parameter.length)];
  const { min, max } = parameter;
  switch (parameter.distribution) {
    case 'uniform':
      return min + u * (max - min);
    case 'log-uniform':
      // Rounding of exp(log(min)) may leave the range by one unit in the last place.
      return Math.min(max, Math.max(min, Math.exp(Math.log(min) + u * (Math.log(max) - Math.log(min)))));
    case 'integer':
      return min + Math.floor(u * (max - min + 1));
    default:
      return parameter satisfies never;
  }
}

/**
 * Different random combinations. Number k depends only on the seed and the parameters, so that more configurations continue a shorter list.
 * A combination that was drawn before is drawn again, which makes it sampling without replacement where all combinations can be counted.
 *
 * @throws ConfigError where there are not so many different combinations
 */
export function sampleSpace(parameters: Parameters, count: number, seed: number): Assignment[] {
  const size = spaceSize(parameters);
  if (count > size)
    throw new ConfigError([
      `configurations is ${count}, but the parameters have only ${size} different combinations: method grid trains them all`,
    ]);
  const entries = Object.entries(parameters);
  const found = new Map<string, Assignment>();
  for (let draw = 0; found.size < count; draw++) {
    const values = entries.map(([key, parameter], position) => {
      const random = new CounterRandom(seed, purpose.search, position, draw);
      return [key, valueAtShare(parameter, random.uniform())] as const;
    });
    const key = JSON.stringify(values);
    if (!found.has(key)) found.set(key, Object.fromEntries(values));
  }
  return [...found.values()];
}
