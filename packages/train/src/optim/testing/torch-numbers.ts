/** PyTorch's numbers, which scripts/reference/training.py wrote, and what it computed them from. */
import { readFileSync } from 'node:fs';
import { Parameter } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  LAMB,
  LARS,
  Lion,
  NAdam,
  type OptimizedParameters,
  type Optimizer,
  type ParameterGroup,
  RAdam,
  RMSprop,
  Rprop,
  SGD,
} from '../index.ts';

type FloatType = 'f32' | 'f64';

export interface OptimizerCase {
  readonly name: keyof typeof optimizerClasses;
  /** PyTorch's arguments. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly pattern: keyof typeof patterns;
  /** The numbers of all parameters after the last step. */
  readonly f32: readonly number[];
  readonly f64: readonly number[];
}

interface Numbers {
  readonly shapes: readonly (readonly number[])[];
  readonly steps: number;
  readonly optimizers: readonly OptimizerCase[];
  readonly schedules: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly rates: readonly number[];
  }[];
  readonly plateaus: readonly {
    readonly options: Readonly<Record<string, unknown>>;
    readonly values: readonly (number | null)[];
    readonly rates: readonly number[];
  }[];
  readonly clipping: readonly {
    readonly normType: number | 'inf';
    readonly norm: number;
    readonly gradients: readonly number[];
  }[];
  readonly averages: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly state: Readonly<Record<string, readonly number[]>>;
    readonly updated: Readonly<Record<string, readonly number[]>>;
  }[];
}

export const numbers = JSON.parse(readFileSync(new URL('torch-numbers.json', import.meta.url), 'utf8')) as Numbers;

export const optimizerClasses = {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  LAMB,
  LARS,
  Lion,
  NAdam,
  RAdam,
  RMSprop,
  Rprop,
  SGD,
};

/** Whether parameter k has a gradient in step n, both from 0. */
const patterns = {
  all: () => true,
  missing: (k: number, n: number) => (k === 0 && n >= 3) || (k === 2 && n % 2 === 0) || k === 3,
  /** As `all`, and each parameter is in a group of its own. */
  groups: () => true,
};

/** The groups of the four parameters. Rprop has no weight decay. */
const parameterGroups = (kind: OptimizerCase['name']): ParameterGroup[] =>
  [{ lrScale: 1 }, { lrScale: 0.1, weightDecay: 0 }, { lrScale: 0 }, { lrScale: 0.5, weightDecay: 0.25 }].map(
    ({ weightDecay, ...group }, k) => ({
      ...group,
      ...(weightDecay === undefined || kind === 'Rprop' ? {} : { weightDecay }),
      match: (name) => name === `p${k}`,
    }),
  );

/** Numbers in [-1, 1), the same bits in Python and JavaScript. */
export function draw(salt: number, shape: readonly number[], dtype: FloatType): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, k) => (((k + 1) * 7919 + salt * 104729) % 2003) / 1001.5 - 1);
  return tensor(dtype === 'f64' ? Float64Array.from(values) : Float32Array.from(values), { shape: [...shape] });
}

/** PyTorch's names in camel case. */
export const camelCase = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

/** A case in progress. */
export interface CaseRun {
  readonly parameters: readonly Parameter[];
  readonly optimizer: Optimizer;
  readonly base: number;
}

export function startCase({ name, options, pattern }: OptimizerCase, dtype: FloatType): CaseRun {
  const parameters = numbers.shapes.map((shape, k) => new Parameter(draw(10 + k, shape, dtype)));
  const named = parameters.map((parameter, k) => [`p${k}`, parameter] as const);
  const Class = optimizerClasses[name] as new (parameters: OptimizedParameters, options: object) => Optimizer;
  const optimizer = new Class(named, {
    ...camelCase(options),
    ...(pattern === 'groups' ? { groups: parameterGroups(name) } : {}),
  });
  return { parameters, optimizer, base: Number(optimizer.lr) };
}

/** The gradients of step n, with null where the case has none. */
export const gradientsOf = ({ pattern }: OptimizerCase, n: number, dtype: FloatType): (Tensor | null)[] =>
  numbers.shapes.map((shape, k) => (patterns[pattern](k, n) ? draw(100 * (n + 1) + k, shape, dtype) : null));

export const rateOf = ({ base }: CaseRun, n: number): number => base * (1 + 0.25 * n);

/** The numbers of all parameters. */
export async function valuesOf(parameters: readonly Tensor[]): Promise<number[]> {
  const values = await Promise.all(parameters.map((parameter) => parameter.data()));
  return values.flatMap((array) => [...array]);
}
