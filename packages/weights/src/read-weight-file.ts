/** Reading of weight files of any supported format. */
import { firstBytes } from './files/first-bytes.ts';
import type { StoredTensors } from './files/stored-tensor.ts';
import { type TensorFile, tensorFile } from './safetensors/parse-tensors.ts';
import { openSafetensors } from './safetensors/tensor-files.ts';
import { isTorchFile, openTorchFile, type TorchFileOptions } from './torch/torch-file.ts';

/**
 * Reads a file of tensors: safetensors, or a PyTorch file (see `readTorchFile`). The first bytes determine the format.
 *
 * @throws if the file is missing, damaged or malicious; the message contains the path and the reason
 */
export const readWeightFile = async (path: string, options: TorchFileOptions = {}): Promise<TensorFile> =>
  tensorFile(await openWeightFile(path, options));

async function openWeightFile(path: string, options: TorchFileOptions): Promise<StoredTensors> {
  return isTorchFile(firstBytes(path)) ? openTorchFile(path, options) : openSafetensors(path);
}
