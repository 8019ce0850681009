// Conversion of weight files to safetensors.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import { expect, it } from 'vitest';
import { convertTensors } from './convert-tensors.ts';

const fixtures = fileURLToPath(new URL('../weight-files/torch-formats/', import.meta.url));

it('tensors of any model keep their names, order, types and bits', async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), 'plain-'));
  try {
    const target = join(folder, 'plain.safetensors');
    const written = await convertTensors(join(fixtures, 'checkpoint.pt'), target);
    expect(written.tensors).toBe(17);
    const { tensors } = parseSafetensors(await fs.readFile(target));
    const expected = parseSafetensors(await fs.readFile(join(fixtures, 'expected.safetensors'))).tensors;
    expect(tensors.size).toBe(17);
    for (const [name, value] of expected) expect(tensors.get(name.slice('output/'.length))).toEqual(value);
    const again = join(folder, 'again.safetensors');
    await convertTensors(target, again);
    expect(await fs.readFile(again)).toEqual(await fs.readFile(target));
    expect(await fs.readdir(folder)).toEqual(['again.safetensors', 'plain.safetensors']);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});
