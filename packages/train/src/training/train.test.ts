import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunFolder } from '../run/run-folder.ts';
import { writeTinyDataset } from '../testing/tiny-dataset.ts';
import { tinyConfig } from '../testing/tiny-run.ts';
import { trainModel } from './train.ts';

registerReferenceBackends();
setDefaultBackend('reference-kernels');
let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'train-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

it('x', async () => {
  const config = await tinyConfig();
  const folder = new RunFolder(join(root, 'run'));
  const t = performance.now();
  const result = await trainModel({
    config,
    dataset: join(root, 'data'),
    folder,
    resume: null,
    listener: { onStep: (r) => console.log(JSON.stringify(r)), say: console.log },
  });
  console.log(performance.now() - t, JSON.stringify(result.evaluation?.retrieval, null, 1));
  console.log(await fs.readdir(folder.path, { recursive: true }));
});
