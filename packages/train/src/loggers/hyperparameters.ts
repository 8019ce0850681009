/** The settings of a run as a flat list, as tables of many runs show them. */

/** A setting's value. */
export type Hyperparameter = number | string | boolean;

/** The values of a configuration by their keys, such as `training.batchSize`. A list is one value, as JSON; what is null is missing. */
export function hyperparametersOf(config: object, prefix = ''): Record<string, Hyperparameter> {
  const entries = Object.entries(config).flatMap(([name, value]: [string, unknown]): [string, Hyperparameter][] => {
    const key = `${prefix}${name}`;
    if (value === null || value === undefined) return [];
    if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return [[key, value]];
    if (Array.isArray(value)) return [[key, JSON.stringify(value)]];
    return Object.entries(hyperparametersOf(value, `${key}.`));
  });
  return Object.fromEntries(entries);
}
