/** Reading of weight files of any supported format. */
import { firstBytes } from './first-bytes.ts';
import { type TensorFile, tensorFile } from './safetensors/parse-tensors.ts';
import { readTensors } from './safetensors/tensor-files.ts';
import { isTorchFile, readTorchFile, type TorchFileOptions } from './torch/torch-file.ts';

/**
 * Reads a file of tensors: safetensors, or a PyTorch file (see `readTorchFile`). The first bytes determine the format.
 *
 * @throws if the file is missing, damaged or malicious; the message contains the path and the reason
 */
export async function readWeightFile(path: string, options: TorchFileOptions = {}): Promise<TensorFile> {
  if (!isTorchFile(await firstBytes(path))) return readTensors(path);
  return tensorFile(path, await readTorchFile(path, options));
}
