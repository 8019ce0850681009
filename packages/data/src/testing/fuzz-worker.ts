/** Reads damaged files in a thread of its own, so that one that is read without end can be stopped. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { openDataset } from '../dataset/dataset.ts';
import { decodeImage } from '../image/decode.ts';

export interface FuzzInput {
  readonly bytes: Uint8Array;
  /** Decides which reader is used: `.arrow`, `.parquet`, `.tar`, or the ending of an image. */
  readonly ending: string;
}

export interface FuzzOutcome {
  /** Null: it was read. */
  readonly error: { readonly name: string; readonly message: string; readonly stack: string } | null;
  /** Milliseconds. */
  readonly took: number;
}

const { folder, images } = workerData as { folder: string; images: boolean };

async function read({ bytes, ending }: FuzzInput): Promise<void> {
  if (images) {
    await decodeImage(bytes, { kind: 'square', size: 16 });
    return;
  }
  const file = join(folder, `train${ending}`);
  writeFileSync(file, bytes);
  using dataset = await openDataset(file);
  for (const split of Object.values(dataset.splits)) for await (const _ of split);
}

parentPort?.on('message', async (input: FuzzInput) => {
  const start = performance.now();
  let error: FuzzOutcome['error'] = null;
  try {
    await read(input);
  } catch (caught) {
    const { name = 'thrown value', message = String(caught), stack = '' } = caught as Error;
    error = { name, message, stack };
  }
  parentPort?.postMessage({ error, took: performance.now() - start } satisfies FuzzOutcome);
});
