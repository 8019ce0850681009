/** The values of a pickle: only data. An instance of a class becomes an `InertObject`; no constructor is called. */
export type PickleValue =
  | (null | boolean | number | bigint | string | Uint8Array)
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | (Tuple | Global | InertObject | StorageReference | TensorReference);

/** Python's tuple. Unlike a list, a pickle cannot extend it. */
export class Tuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A class or function that the pickle refers to and that is allowed. */
export class Global {
  /** `module.name` */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** An instance of a class that only has attributes, such as `argparse.Namespace`. */
export class InertObject {
  readonly className: string;
  /** The instance's attributes. */
  state: PickleValue = null;

  constructor(className: string) {
    this.className = className;
  }
}

/** Element types of PyTorch's storages, under safetensors' names. */
export type StorageDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** A storage: numbers in another place of the file. */
export class StorageReference {
  /** Identifies the place in the file. */
  readonly key: string;
  readonly dtype: StorageDType;
  /** The number of elements. */
  readonly length: number;

  constructor(key: string, dtype: StorageDType, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor as a view of a storage. Offset and strides are in elements. */
export class TensorReference {
  readonly storage: StorageReference;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: StorageReference, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Describes a value for error messages. */
export function describeValue(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof Tuple) return `a tuple of ${value.items.length}`;
  if (value instanceof Map) return 'a dict';
  if (value instanceof Set) return 'a set';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Global) return value.name;
  if (value instanceof InertObject) return `an instance of ${value.className}`;
  if (value instanceof StorageReference) return 'a storage';
  if (value instanceof TensorReference) return 'a tensor';
  return `a ${typeof value}`;
}
