/** The common interface of PyTorch's two file formats. */
import type { PickleValue } from '@tessera/data/pickle';

/** An opened file of `torch.save`: the saved value, whose tensors' elements are still in the file. */
export interface TorchContent {
  readonly saved: PickleValue;
  /** The size of a storage in the file, in bytes; undefined if there is no storage with that key. */
  storageBytes(key: string): number | undefined;
  /** Checks a storage, and returns a function that reads its bytes. @throws if it is damaged */
  storage(key: string): Promise<() => Uint8Array>;
  close(): void;
}
