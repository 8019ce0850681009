import { Tensor } from './tensor.ts';

export interface FlatTensors {
  /** The tensors in the value, in order of appearance. */
  readonly tensors: Tensor[];
  /** The value's structure and all that is not a tensor, with the tensors' shapes and dtypes, as text. */
  readonly key: string;
  /** What was found that is neither a tensor nor a container of tensors; null if nothing. */
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

/** Objects that are not plain (a model, a function) take part by identity. */
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
