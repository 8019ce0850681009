import type { PickleValue } from './pickle/values.ts';

/** An opened file of `torch.save`: what was saved, with its numbers still in the file. */
export interface TorchContent {
  readonly saved: PickleValue;
  /** How many bytes a storage has in the file; undefined where there is none of that key. */
  storageBytes(key: string): number | undefined;
  /** A storage's bytes. */
  storage(key: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
