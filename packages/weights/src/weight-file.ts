import { promises as fs } from 'node:fs';
import { errorCode } from '@tessera/data/io';
import { type TensorFile, tensorFile } from './safetensors/parse-tensors.ts';
import { readTensors } from './safetensors/tensor-files.ts';
import { isTorchFile, readTorchFile, type TorchFileOptions } from './torch/torch-file.ts';

/**
 * Reads a file of tensors: safetensors, or what PyTorch wrote (see `readTorchFile`). Which of them it is, its first bytes say.
 *
 * @throws where the file is missing, damaged or hostile; the message names the path and the fault
 */
export async function readWeightFile(path: string, options: TorchFileOptions = {}): Promise<TensorFile> {
  if (!isTorchFile(await firstBytes(path))) return readTensors(path);
  return tensorFile(path, await readTorchFile(path, options));
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await fs.open(path);
    try {
      return (await file.read(new Uint8Array(4), 0, 4, 0)).buffer;
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = errorCode(cause) === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new Error(`${path}: ${reason}`, { cause });
  }
}
