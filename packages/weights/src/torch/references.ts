/** What a pickle of PyTorch refers to: storages in other places of the file, and tensors in them. */
import { RuleValue } from '@tessera/data/pickle';

/** Element types of PyTorch's storages, under safetensors' names. */
export type StorageDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** A storage: numbers in another place of the file. */
export class StorageReference extends RuleValue {
  readonly what = 'a storage';
  /** Identifies the place in the file. */
  readonly key: string;
  readonly dtype: StorageDType;
  /** The number of elements. */
  readonly length: number;

  constructor(key: string, dtype: StorageDType, length: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor as a view of a storage. Offset and strides are in elements. */
export class TensorReference extends RuleValue {
  readonly what = 'a tensor';
  readonly storage: StorageReference;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: StorageReference, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}
