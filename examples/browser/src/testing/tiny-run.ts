/** A tiny dataset and a run of CLIP that is trained on it, for the tests. */
import { join } from 'node:path';
import { feature, writeDataset } from '@tessera/data';
import { loadConfig, RunFolder, trainModel } from '@tessera/train';
import sharp from 'sharp';

const colors = { red: '#e02020', green: '#20a040', blue: '#2040d0', black: '#101010' } as const;
const shapes = {
  circle: '<circle cx="8" cy="8" r="6"/>',
  square: '<rect x="3" y="3" width="10" height="10"/>',
  bar: '<rect x="1" y="6" width="14" height="4"/>',
} as const;

export const shapeNames = Object.keys(shapes);

const kinds = Object.entries(colors).flatMap(([color, fill]) =>
  Object.entries(shapes).map(([shape, drawing], label) => ({ caption: `${color} ${shape}`, fill, drawing, label })),
);

async function* rows(copies: number): AsyncGenerator<Record<string, unknown>> {
  for (let row = 0; row < copies * kinds.length; row++) {
    const { caption, fill, drawing, label } = kinds[row % kinds.length] as (typeof kinds)[number];
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" fill="${fill}"><rect width="16" height="16" fill="#fff"/>${drawing}</svg>`;
    const bytes = await sharp(Buffer.from(svg)).png().toBuffer();
    yield { image: { bytes, path: `${row}.png` }, captions: [caption], label };
  }
}

/** Writes a dataset of twelve drawings, 16 x 16, with captions and labels: splits train and test. */
export async function writeTinyData(folder: string): Promise<void> {
  const features = {
    image: feature.image(),
    captions: feature.list(feature.value('string')),
    label: feature.classLabel(shapeNames),
  };
  await writeDataset(folder, { features }, { train: rows(8), test: rows(1) });
}

/** Trains CLIP on the dataset in Node, until it finds its drawings by their names. */
export async function trainTinyClip(data: string, folder: string): Promise<void> {
  const config = await loadConfig({
    preset: 'tiny',
    set: [
      ...['data.workers=0', 'data.augmentation=null', 'tokenizer.vocabularySize=560'],
      ...['model.text.contextLength=10', 'model.text.width=16', 'model.embedDim=16'],
      'model.vision={kind: vit, imageSize: 16, patchSize: 4, width: 32, layers: 1, heads: 2}',
      ...['training.batchSize=24', 'training.epochs=40', 'optimizer.lr=5e-3', 'schedule.warmupSteps=5'],
      ...['evaluation.everyEpochs=null', 'evaluation.batchSize=12', 'runtime.peakGflops=1'],
    ],
  });
  await trainModel({ config, dataset: data, folder: new RunFolder(join(folder)), resume: null });
}
