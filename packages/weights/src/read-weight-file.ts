/** Reading of weight files of any supported format. */
import { firstBytes } from './files/first-bytes.ts';
import { belowKey, type StoredTensors } from './files/stored-tensor.ts';
import { isOnnxFile, openOnnx } from './onnx/onnx-file.ts';
import { type TensorFile, tensorFile } from './safetensors/parse-tensors.ts';
import { openSafetensors } from './safetensors/tensor-files.ts';
import { openShards } from './shards/open-shards.ts';
import { findIndex, parseShardName } from './shards/shard-index.ts';
import { isTorchFile, openTorchFile, type WeightFileOptions } from './torch/torch-file.ts';

/**
 * Reads a file of tensors: safetensors, a PyTorch file (see `readTorchFile`), an ONNX file (`.onnx`), or several of them with their index in Hugging Face's
 * layout (`path` is the index or one of them). Other than for ONNX, the first bytes determine the
 * format.
 *
 * @throws if the file is missing, damaged or malicious; the message contains the path and the reason
 */
export const readWeightFile = async (path: string, options: WeightFileOptions = {}): Promise<TensorFile> =>
  tensorFile(await openWeightFile(path, options));

/** Opens a file of tensors; see `readWeightFile`. */
export async function openWeightFile(path: string, options: WeightFileOptions = {}): Promise<StoredTensors> {
  const index = await findIndex(path);
  const isTorch = index === null && !isOnnxFile(path) && isTorchFile(firstBytes(path));
  if (isTorch) return openTorchFile(path, options);
  if (index !== null) return choose(await openAll(index, path), options);
  return choose(isOnnxFile(path) ? openOnnx(path) : openSafetensors(path), options);
}

async function openAll(index: string, path: string): Promise<StoredTensors> {
  const all = await openShards(index, async (shard) =>
    isTorchFile(firstBytes(shard)) ? openTorchFile(shard) : openSafetensors(shard),
  );
  const shard = parseShardName(path);
  const note = `${path} is one of ${shard?.count} shards: all of them are read`;
  return path === index ? all : { ...all, notes: [note] };
}

/** Only the tensors below the key, if there is one. */
function choose(file: StoredTensors, { key }: WeightFileOptions): StoredTensors {
  if (key === undefined) return file;
  const tensors = belowKey(file.tensors, key);
  if (tensors !== null) return { ...file, tensors };
  const names = [...file.tensors.keys()];
  throw new Error(
    `${file.path}: has no tensors whose names start with '${key}.'; names: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`,
  );
}
