/** Safetensors files on disk. */
import { readFile } from 'node:fs/promises';
import { errorCode, errorMessage, writeFileAtomic } from '@tessera/data/io';
import { type DType, isFloat, type Tensor, type TypedArray } from '@tessera/tensor';
import { type SafetensorsDType, type SafetensorsEntry, safetensorsChunks } from '@tessera/tensor/safetensors';
import { checkedChunks, verifyChecksums } from './checksums.ts';
import { parseTensors, type TensorFile } from './parse-tensors.ts';

const fileDTypes = {
  f32: 'F32',
  f64: 'F64',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  u8: 'U8',
  bool: 'BOOL',
} as const satisfies Record<DType, SafetensorsDType>;

/**
 * Writes named tensors to a safetensors file, atomically.
 *
 * @param options `checksums`: whether to store a checksum of each tensor in the metadata; `readTensors` verifies them
 * @throws if a value is infinite or NaN, before anything is written; the message names the tensor
 */
export async function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
  { checksums = false }: { readonly checksums?: boolean } = {},
): Promise<void> {
  const entries: SafetensorsEntry[] = [];
  for (const [name, tensor] of tensors) {
    const { dtype, shape } = tensor;
    const data = await tensor.data();
    if (isFloat(dtype)) requireFinite(path, name, data);
    entries.push({ name, dtype: fileDTypes[dtype], shape, data });
  }
  await writeFileAtomic(path, (checksums ? checkedChunks : safetensorsChunks)(entries, metadata));
}

function requireFinite(path: string, name: string, values: TypedArray): void {
  const at = values.findIndex((value: number) => !Number.isFinite(value));
  if (at >= 0)
    throw new Error(
      `${path}: not written, because ${name} is not finite (element ${at} of ${values.length} is ${values[at]}); earlier checkpoints are untouched`,
    );
}

/** Reads a safetensors file. @throws if it is missing or damaged; the message contains the path and the reason. */
export async function readTensors(path: string): Promise<TensorFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const reason = errorCode(cause) === 'ENOENT' ? 'there is no such file' : errorMessage(cause);
    throw new Error(`${path}: ${reason}`, { cause });
  });
  const file = parseTensors(bytes, path);
  verifyChecksums(bytes, path);
  return file;
}
