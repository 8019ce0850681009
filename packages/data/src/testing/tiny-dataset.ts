import sharp from 'sharp';
import { feature, writeDataset } from '../index.ts';

/** Colours and shapes: what the pictures of the tiny dataset show. */
const colours = { red: '#e02020', green: '#20a040', blue: '#2040d0', black: '#101010' } as const;
const shapes = {
  circle: '<circle cx="8" cy="8" r="6"/>',
  square: '<rect x="3" y="3" width="10" height="10"/>',
  bar: '<rect x="1" y="6" width="14" height="4"/>',
} as const;

export interface TinyDatasetOptions {
  /** Copies of each picture in the training split. */
  readonly copies?: number;
  /** Rows of the training split whose image is no image. */
  readonly damaged?: readonly number[];
  /** Captions of some rows of the training split, in place of their own. */
  readonly captions?: Readonly<Record<number, readonly string[]>>;
}

/** The colours and the shapes, the colours first. Black things have no colour. */
const tags = [...Object.keys(colours).filter((colour) => colour !== 'black'), ...Object.keys(shapes)];

/** Writes a dataset of twelve simple pictures with captions, concepts, class labels and tags: splits train and test. */
export async function writeTinyDataset(path: string, options: TinyDatasetOptions = {}): Promise<void> {
  const { copies = 2, damaged = [], captions = {} } = options;
  const kinds = Object.entries(colours).flatMap(([colour, fill]) =>
    Object.entries(shapes).map(([shape, drawing], label) => ({ colour, fill, shape, drawing, label })),
  );
  async function* rows(train: boolean): AsyncGenerator<Record<string, unknown>> {
    for (let row = 0; row < (train ? copies : 1) * kinds.length; row++) {
      const concept = row % kinds.length;
      const { colour, fill, shape, drawing, label } = kinds[concept];
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" fill="${fill}"><rect width="16" height="16" fill="#fff"/>${drawing}</svg>`;
      const bytes =
        train && damaged.includes(row) ? Buffer.from('no image') : await sharp(Buffer.from(svg)).png().toBuffer();
      const own = [`${colour} ${shape}`, `a picture of a ${colour} ${shape}`];
      yield {
        image: { bytes, path: `${colour}-${shape}.png` },
        captions: (train ? captions[row] : undefined) ?? own,
        concept,
        label,
        tags: [colour, shape].filter((tag) => tags.includes(tag)),
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
