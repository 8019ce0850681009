import { writeFileAtomic } from '@tessera/data/io';
import { safetensorsChunks } from '@tessera/tensor';
import { readTorchFile, type TorchFileOptions } from './torch/torch-file.ts';

/**
 * Writes the tensors of a PyTorch file as safetensors, names and element types unchanged, whatever model they belong to.
 *
 * @returns how many tensors and numbers were written
 * @throws as `readTorchFile`
 */
export async function convertTorchFile(
  from: string,
  to: string,
  options: TorchFileOptions = {},
): Promise<{ readonly tensors: number; readonly numbers: number }> {
  const tensors = await readTorchFile(from, options);
  const entries = [...tensors].map(([name, tensor]) => ({ ...tensor, name }));
  await writeFileAtomic(to, safetensorsChunks(entries, { format: 'pt' }));
  return { tensors: entries.length, numbers: entries.reduce((total, { data }) => total + data.length, 0) };
}
