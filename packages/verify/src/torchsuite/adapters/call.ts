/** The pieces that adapters are made of: PyTorch's call, its parameters by name, and refusing what has no equivalent. */
import { type DType, full, Tensor } from '@tessera/tensor';

/** This form of a call has no equivalent here. */
export class Unsupported extends Error {}

export function unsupported(why: string): never {
  throw new Unsupported(why);
}

/** A decoded argument. Each adapter declares which types it expects: those that PyTorch's signature has. */
// biome-ignore lint/suspicious/noExplicitAny: values of a foreign call, whose types only the adapter knows
export type Given = any;

export type Keywords = Readonly<Record<string, Given>>;

/** A dtype as an argument. */
export interface GivenDType {
  readonly dtype: DType;
}

/** Null for an output that has no equivalent: it is not compared. */
export type Result = Tensor | readonly (Tensor | null)[];

/** Calls Tessera as PyTorch was called. `rebind` says that gradients are those of `to`, where a module made its own copy of `from`. */
export type Adapter = (args: readonly Given[], kwargs: Keywords, rebind: (from: Tensor, to: Tensor) => void) => Result;

export type Adapters = Readonly<Record<string, Adapter>>;

/** Where and how a tensor is stored has no meaning here. */
const aboutStorage = new Set(['device', 'layout', 'pin_memory', 'memory_format', 'requires_grad']);

const isGiven = (value: Given): boolean => value !== null && value !== undefined;

/**
 * Arguments by name. `names` are PyTorch's parameters in their order; of those after a `-`, only the default is accepted.
 *
 * @throws Unsupported for a parameter that is not accepted
 */
export function bind(args: readonly Given[], kwargs: Keywords, names: string): Record<string, Given> {
  const list = names.split(' ');
  const given = Object.entries({
    ...Object.fromEntries(
      args.map((value, k) => [list[k]?.replace('-', '') ?? unsupported(`positional argument ${k}`), value]),
    ),
    ...kwargs,
  });
  const accepted = new Set(list);
  return Object.fromEntries(
    given.filter(([name, value]) => {
      if (aboutStorage.has(name)) return false;
      if (!accepted.has(name) && isGiven(value)) unsupported(`argument ${name}`);
      return true;
    }),
  );
}

/** An adapter of PyTorch's call with these parameters: see `bind`. */
export const call =
  <P extends object = Given>(
    names: string,
    body: (given: P, rebind: (from: Tensor, to: Tensor) => void) => Result,
  ): Adapter =>
  (args, kwargs, rebind) =>
    body(bind(args, kwargs, names) as P, rebind);

/** A tensor, or a number that counts as one. */
export type Operand = Tensor | number | boolean;

/** Numbers are passed on; truth values become tensors, so that they promote as such. */
export const operand = (value: Operand): Tensor | number =>
  typeof value === 'boolean' ? full([], Number(value), { dtype: 'bool' }) : value;

export const numberOf = (value: number | boolean): number => Number(value);

/** A list of one value means that value for every axis. */
export const single = <T>(value: T | readonly T[]): T | readonly T[] =>
  Array.isArray(value) && value.length === 1 ? (value[0] as T) : value;

export const isTensor = (value: Given): value is Tensor => value instanceof Tensor;

/** Sizes that PyTorch takes one by one or as a list. */
export const spread = (rest: readonly Given[]): readonly number[] =>
  rest.length === 1 && Array.isArray(rest[0]) ? rest[0] : rest;

/** No axes, or an empty list, mean all axes. */
export const axesOf = (dim: number | readonly number[] | null | undefined): number | readonly number[] | undefined =>
  dim === null || dim === undefined || (Array.isArray(dim) && dim.length === 0) ? undefined : dim;

/** The tensor in the dtype that the call asks for. */
export const inDType = (input: Tensor, dtype: GivenDType | null | undefined): Tensor =>
  dtype === null || dtype === undefined ? input : input.cast(dtype.dtype);

const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Those of the named parameters that are given, as our options: `ceil_mode` is `ceilMode`. Lists of one value become that value. */
export const optionsOf = (given: Keywords, names: string): Record<string, Given> =>
  Object.fromEntries(
    names.split(' ').flatMap((name) => {
      const value = single(given[name]);
      const isLeftOut = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
      return isLeftOut ? [] : [[camelCase(name), value]];
    }),
  );

/** The values and positions of a result, as PyTorch's pair. */
export const pairOf = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor[] => [values, indices];

/** A truth value as a tensor. */
export const flag = (value: boolean): Tensor => full([], Number(value), { dtype: 'bool' });
