/** A tiny dataset for tests. */
import sharp from 'sharp';
import { feature, writeDataset } from '../index.ts';

/** The colors and shapes of the images. */
const colors = { red: '#e02020', green: '#20a040', blue: '#2040d0', black: '#101010' } as const;
const shapes = {
  circle: '<circle cx="8" cy="8" r="6"/>',
  square: '<rect x="3" y="3" width="10" height="10"/>',
  bar: '<rect x="1" y="6" width="14" height="4"/>',
} as const;

export interface TinyDatasetOptions {
  /** The number of copies of each image in the training split. Default 2. */
  readonly copies?: number;
  /** Rows of the training split whose image cannot be decoded. */
  readonly damaged?: readonly number[];
  /** Other captions for some rows of the training split. */
  readonly captions?: Readonly<Record<number, readonly string[]>>;
}

/** The classes of the column `tags`: the colors, then the shapes. Black counts as no color. */
const tags = [...Object.keys(colors).filter((color) => color !== 'black'), ...Object.keys(shapes)];

/** Writes a dataset of twelve simple images with captions, concepts, class labels and tags, in the splits train and test. */
export async function writeTinyDataset(path: string, options: TinyDatasetOptions = {}): Promise<void> {
  const { copies = 2, damaged = [], captions = {} } = options;
  const kinds = Object.entries(colors).flatMap(([color, fill]) =>
    Object.entries(shapes).map(([shape, drawing], label) => ({ color, fill, shape, drawing, label })),
  );
  async function* rows(train: boolean): AsyncGenerator<Record<string, unknown>> {
    const repeated = Array.from({ length: train ? copies : 1 }, () => [...kinds.entries()]).flat();
    for (const [row, [concept, { color, fill, shape, drawing, label }]] of repeated.entries()) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" fill="${fill}"><rect width="16" height="16" fill="#fff"/>${drawing}</svg>`;
      const bytes =
        train && damaged.includes(row) ? Buffer.from('no image') : await sharp(Buffer.from(svg)).png().toBuffer();
      const own = [`${color} ${shape}`, `a picture of a ${color} ${shape}`];
      yield {
        image: { bytes, path: `${color}-${shape}.png` },
        captions: (train ? captions[row] : undefined) ?? own,
        concept,
        label,
        tags: [color, shape].filter((tag) => tags.includes(tag)),
      };
    }
  }
  const features = {
    image: feature.image(),
    captions: feature.list(feature.value('string')),
    concept: feature.value('int64'),
    label: feature.classLabel(Object.keys(shapes)),
    tags: feature.list(feature.classLabel(tags)),
  };
  await writeDataset(path, { features }, { train: rows(true), test: rows(false) });
}
