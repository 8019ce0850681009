/** Conversion of PyTorch files to safetensors, without knowing the model. */
import { writeFileAtomic } from '@tessera/data/io';
import { safetensorsChunks } from '@tessera/tensor/safetensors';
import { readTorchFile, type TorchFileOptions } from './torch-file.ts';

/**
 * Writes the tensors of a PyTorch file of any model as safetensors. Names and element types are unchanged.
 *
 * @returns the number of tensors and of their elements
 * @throws like `readTorchFile`
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
