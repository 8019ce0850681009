// Conversion of PyTorch files to safetensors.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import { expect, it } from 'vitest';
import { convertTorchFile } from './convert.ts';

const fixtures = fileURLToPath(new URL('../../weight-files/torch-formats/', import.meta.url));

it('tensors of any model keep their names, order, types and bits', async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), 'plain-'));
  try {
    const target = join(folder, 'plain.safetensors');
    const written = await convertTorchFile(join(fixtures, 'checkpoint.pt'), target);
    expect(written.tensors).toBe(17);
    const { tensors } = parseSafetensors(await fs.readFile(target));
    const expected = parseSafetensors(await fs.readFile(join(fixtures, 'expected.safetensors'))).tensors;
    expect(tensors.size).toBe(17);
    for (const [name, value] of expected) expect(tensors.get(name.slice('output/'.length))).toEqual(value);
    await expect(convertTorchFile(target, join(folder, 'again.safetensors'))).rejects.toThrow('plain.safetensors: ');
    expect(await fs.readdir(folder)).toEqual(['plain.safetensors']);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});
