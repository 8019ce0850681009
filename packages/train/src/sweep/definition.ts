/** The file that describes a sweep: its keys, and the messages for mistakes in it. */
import { closestName } from '@tessera/nn';
import { z } from 'zod';
import { ConfigError, type Layer, parseLayer } from '../config/resolve.ts';

const number = z.number();
const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const count = z.int().positive();

const ranges = {
  /** Every number of [min, max) with the same density. */
  uniform: z.strictObject({ distribution: z.literal('uniform'), min: number, max: number }),
  /** The logarithm is uniform: every factor of ten is equally probable. */
  'log-uniform': z.strictObject({ distribution: z.literal('log-uniform'), min: number.positive(), max: number }),
  /** Every whole number from min to max, both included, with the same probability. */
  integer: z.strictObject({ distribution: z.literal('integer'), min: z.int(), max: z.int() }),
};

type Range = z.infer<(typeof ranges)[keyof typeof ranges]>;

/** The values of one parameter: a list, or a range with a distribution. */
export type Parameter = readonly unknown[] | Range;

export const isList = (parameter: Parameter): parameter is readonly unknown[] => Array.isArray(parameter);

const rangeExample = '{ distribution: log-uniform, min: 1e-4, max: 1e-2 }';

const isRangeName = (name: unknown): name is keyof typeof ranges => typeof name === 'string' && name in ranges;

const parameterSchema = z.unknown().transform((value, context): Parameter => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (Array.isArray(value)) {
    const texts = value.map((entry) => JSON.stringify(entry));
    const twice = texts.find((text, at) => texts.indexOf(text) !== at);
    if (value.length === 0) return refuse('the list has no values');
    return twice === undefined ? value : refuse(`the list has ${twice} twice`);
  }
  const distribution = (value as { distribution?: unknown } | null)?.distribution;
  if (!isRangeName(distribution)) {
    const names = Object.keys(ranges).join(', ');
    if (distribution !== undefined)
      return refuse(`${JSON.stringify(distribution)} is not one of the distributions ${names}`);
    return refuse(
      `expected a list of values, or a range such as ${rangeExample}, got ${JSON.stringify(value)}; a fixed value belongs to "settings"`,
    );
  }
  const range = ranges[distribution].safeParse(value);
  if (!range.success)
    return refuse(
      range.error.issues.map((issue) => [...issue.path, describe(issue, [...rangeKeys])].join(': ')).join('; '),
    );
  const { min, max } = range.data;
  return min < max ? range.data : refuse(`min is ${min} and max is ${max}: max must be larger`);
});

const rangeKeys = ['distribution', 'min', 'max'] as const;

const common = {
  preset: z.string().optional(),
  config: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).default({}),
  parameters: z.record(z.string(), parameterSchema),
  seeds: z.array(seed).min(1).optional(),
  metric: z.string().optional(),
  mode: z.enum(['min', 'max']).optional(),
  folder: z.string().optional(),
  parallel: count.default(1),
};

const methods = {
  grid: z.strictObject({ method: z.literal('grid'), ...common }),
  random: z.strictObject({ method: z.literal('random'), ...common, configurations: count, seed: seed.default(0) }),
  'successive-halving': z.strictObject({
    method: z.literal('successive-halving'),
    ...common,
    configurations: count,
    seed: seed.default(0),
    eta: z.int().min(2).default(3),
    minEpochs: count.default(1),
    maxEpochs: count.optional(),
  }),
};

/** How configurations are chosen. */
type Method = keyof typeof methods;

/** The contents of a sweep's file, checked. */
export type SweepDefinition = z.infer<(typeof methods)[Method]>;

/** What other programs call a key. */
const synonyms: Readonly<Record<string, string>> = {
  runs: 'configurations (each is one run for each of the seeds)',
  trials: 'configurations',
  n_trials: 'configurations',
  n_iter: 'configurations',
  n_candidates: 'configurations',
  factor: 'eta',
  goal: 'mode: min or max',
  direction: 'mode: min or max',
  set: 'settings',
  workers: 'parallel',
  jobs: 'parallel',
  n_jobs: 'parallel',
};

type Issue = z.core.$ZodIssue;

/** What is wrong with a value, in words. @param keys the keys that are known where the value is */
function describe(issue: Issue, keys: readonly string[]): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .map((key) => {
          const meant = synonyms[key] ?? closestName(key, keys);
          return `there is no key ${key}${meant === undefined ? `; the keys are ${keys.join(', ')}` : `; did you mean ${meant}?`}`;
        })
        .join('; ');
    case 'invalid_type':
      if (issue.input === undefined && issue.message.endsWith('undefined')) return 'is missing';
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'invalid_value':
      return `expected ${issue.values.join(' or ')}`;
    default:
      return issue.message;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  array: 'a list',
  record: 'a section',
};

/**
 * Reads the text of a sweep's file, in YAML or JSON.
 *
 * @param path its name in messages
 * @throws ConfigError with every mistake
 */
export function parseSweep(text: string, path: string): SweepDefinition {
  const { settings }: Layer = parseLayer(text, path);
  const { method } = settings;
  const names = Object.keys(methods);
  if (typeof method !== 'string' || !(method in methods)) {
    const near = closestName(String(method), names);
    throw new ConfigError([
      method === undefined
        ? `${path}: method is missing; choose ${names.join(', ')}`
        : `${path}: method: ${JSON.stringify(method)} is not one of ${names.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    ]);
  }
  const schema = methods[method as Method];
  const result = schema.safeParse(settings);
  if (!result.success)
    throw new ConfigError(
      result.error.issues.map((issue) =>
        [path, issue.path.join('.'), describe(issue, Object.keys(schema.shape))]
          .filter((part) => part !== '')
          .join(': '),
      ),
    );
  const problems = problemsOf(result.data);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${path}: ${problem}`));
  return result.data;
}

/** Mistakes that no single key shows. */
function problemsOf(definition: SweepDefinition): string[] {
  const { method, parameters, seeds = [] } = definition;
  const entries = Object.entries(parameters);
  const problems: string[] = [];
  if (entries.length === 0 && seeds.length < 2)
    problems.push('parameters: there are none, and fewer than two seeds, so there is nothing to compare');
  if ('seed' in parameters) problems.push('parameters.seed: list the seeds of the runs under "seeds"');
  if (new Set(seeds).size < seeds.length) problems.push('seeds: a seed is listed twice');
  switch (method) {
    case 'grid':
      for (const [key, parameter] of entries)
        if (!isList(parameter))
          problems.push(
            `parameters.${key}: a grid needs a list of values; ranges are for random and successive-halving`,
          );
      break;
    case 'random':
      break;
    case 'successive-halving': {
      const { minEpochs, maxEpochs } = definition;
      if ('training.epochs' in parameters)
        problems.push('parameters.training.epochs: successive-halving chooses the epochs itself, up to maxEpochs');
      if (maxEpochs !== undefined && minEpochs > maxEpochs)
        problems.push(`minEpochs is ${minEpochs}, more than maxEpochs, ${maxEpochs}`);
      break;
    }
    default:
      return definition satisfies never;
  }
  return problems;
}
