/** Tensors in nested arrays and plain objects: the arguments and results of compiled functions. */
import { Tensor } from './tensor.ts';

/** The tensors in a value, and the value without them. */
export interface FlatTensors {
  /** The tensors in the value, in order of appearance. */
  readonly tensors: Tensor[];
  /** A text that is equal for values of the same structure, tensor shapes and dtypes, and other content. */
  readonly key: string;
  /** A description of something that is neither a tensor nor a container of tensors; null if there is nothing like that. */
  readonly other: string | null;
  /** The same value with other tensors. */
  readonly rebuild: (tensors: readonly Tensor[]) => unknown;
}

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const objectIds = new WeakMap<object, number>();
let nextObjectId = 0;

/** A number for an object that is not plain (a model, a function): it counts by its identity. */
function identityOf(value: object): number {
  const known = objectIds.get(value);
  if (known !== undefined) return known;
  objectIds.set(value, nextObjectId);
  return nextObjectId++;
}

/** Finds the tensors in nested arrays and plain objects. */
export function flattenTensors(value: unknown): FlatTensors {
  const tensors: Tensor[] = [];
  let other: string | null = null;
  const describe = (part: unknown): string => {
    if (part instanceof Tensor) {
      tensors.push(part);
      return `${part.dtype}[${part.shape}]`;
    }
    if (Array.isArray(part)) return `(${part.map(describe).join()})`;
    if (typeof part === 'object' && part !== null && isPlainObject(part))
      return `{${Object.entries(part)
        .map(([name, inner]) => `${JSON.stringify(name)}:${describe(inner)}`)
        .join()}}`;
    if (part !== undefined && part !== null) other ??= `${typeof part} ${String(part).slice(0, 40)}`;
    if ((typeof part === 'object' && part !== null) || typeof part === 'function') return `#${identityOf(part)}`;
    return `${typeof part} ${JSON.stringify(String(part))}`;
  };
  const key = describe(value);
  const rebuild = (replacements: readonly Tensor[]): unknown => {
    let next = 0;
    const replace = (part: unknown): unknown => {
      if (part instanceof Tensor) return replacements[next++];
      if (Array.isArray(part)) return part.map(replace);
      if (typeof part === 'object' && part !== null && isPlainObject(part))
        return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, replace(inner)]));
      return part;
    };
    return replace(value);
  };
  return { tensors, key, other, rebuild };
}
