/** Conversion of PyTorch files to safetensors, without knowing the model. */
import { sizeOf } from '@tessera/tensor';
import { writeStored } from '../safetensors/write-stored.ts';
import { openTorchFile, type TorchFileOptions } from './torch-file.ts';

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
  const { tensors } = await openTorchFile(from, options);
  const entries = [...tensors].map(([name, { dtype, shape, read }]) => ({ name, dtype, shape, values: read }));
  await writeStored(to, entries, { format: 'pt' });
  return { tensors: entries.length, numbers: entries.reduce((total, { shape }) => total + sizeOf(shape), 0) };
}
