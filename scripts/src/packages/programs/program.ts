/** A program of somebody else, which uses every package: it is type-checked, and run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '@tessera/cli';
import { pageFiles } from '@tessera/dashboard';
import { DataLoader, feature, openDataset, usualColumns, writeDataset } from '@tessera/data';
import { datasetBuilder } from '@tessera/datasets';
import { ViT } from '@tessera/models';
import { Linear } from '@tessera/nn';
import { findNearest } from '@tessera/serve';
import { parseChannel } from '@tessera/split';
import { disposeBackends, randn, registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { loadConfig, type RunConfig } from '@tessera/train';
import { checkModule } from '@tessera/verify';
import { loadWeights, saveWeights } from '@tessera/weights';
import sharp from 'sharp';
import { train } from './training.ts';

const folder = await mkdtemp(join(tmpdir(), 'program-'));
try {
  const trained = await train();
  const config: RunConfig = await loadConfig({ preset: 'tiny' });

  const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#2040d0' } })
    .png()
    .toBuffer();
  const features = { image: feature.image(), captions: feature.list(feature.value('string')) };
  await writeDataset(
    join(folder, 'data'),
    { features },
    { train: [{ image: { bytes, path: null }, captions: ['blue'] }] },
  );
  const split = (await openDataset(join(folder, 'data'))).split('train');
  const { image, captions } = usualColumns;
  const loader = new DataLoader(split, { columns: { image, captions }, batchSize: 1, imageSize: 8, workers: 1 });
  const pixels: number[] = [];
  for await (const { columns } of loader.epoch(0)) pixels.push(...columns.image.slice(0, 3));
  await loader.close();

  const vit = new ViT({ imageSize: 8, patchSize: 4, width: 64, depth: 1, heads: 1, classes: 3 });
  await saveWeights(vit, join(folder, 'vit.safetensors'));
  const { model } = await loadWeights(join(folder, 'vit.safetensors'));

  registerReferenceBackends();
  await setDefaultBackend('reference');
  const { worst } = await checkModule({ module: new Linear(3, 2), inputs: [randn([4, 3])] });

  const table = formatTable(['name', 'value'], [[datasetBuilder('emoji').name, typeof findNearest]]);
  console.log(
    JSON.stringify({
      ...trained,
      task: config.task,
      pixels,
      parameters: [vit.parameterCount(), model.parameterCount()],
      worst,
      channel: parseChannel('tcp://127.0.0.1:5555', (path) => path).kind,
      page: (await pageFiles()) !== null,
      table: table.length,
    }),
  );
} finally {
  await disposeBackends();
  await rm(folder, { recursive: true });
}
