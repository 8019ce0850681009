/** Settings of the task `tiles`: classes of small pictures in large scenes, which the model sees tile by tile. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count } from '../../config/sections.ts';
import { mixupSection } from '../../mixup/settings.ts';
import { classLossSection } from '../class-loss-settings.ts';
import { shortRun } from '../short-run.ts';

const data = dataSection(
  { image: 'column with the pictures', label: 'class label column' },
  {
    pictureSize: count.describe('side of the square pictures in pixels, at most that of the scenes'),
    sceneSize: z.tuple([count, count]).describe('height and width of the scenes in pixels'),
  },
);

const model = z.strictObject({
  maxTiles: count.describe('the largest number of tiles that a scene is cut into; 1: the scene reduced to one tile'),
  tileSize: count.describe('side of a tile in pixels; a multiple of patchSize'),
  patchSize: count.describe('side of a square patch in pixels'),
  width: count.describe('numbers in a token; a multiple of heads'),
  layers: count.describe('transformer blocks of the encoder, which sees one tile at a time'),
  readerLayers: count.describe('transformer blocks of the reader, which sees the tokens of all tiles'),
  heads: count.describe('attention heads of each block'),
});

const schema = taskSchema('tiles', { data, model, loss: classLossSection.prefault({}), mixup: mixupSection });

export type TilesConfig = z.infer<typeof schema>;

/** Clothes of 24 x 24 pixels somewhere in scenes of 64 x 96. */
const scenes = (name: string, maxTiles: number) =>
  shortRun(name, {
    data: { pictureSize: 24, sceneSize: [64, 96] },
    model: { maxTiles, tileSize: 32, patchSize: 8, width: 64, layers: 3, readerLayers: 2, heads: 4 },
    evaluation: { batchSize: 64 },
  });

export const tilesSettings = {
  name: 'tiles',
  schema,
  presets: {
    /** Scenes as six tiles and a thumbnail. */
    tiles: scenes('tiles', 6),
    /** The same scenes reduced to one tile, for comparison. */
    thumbnail: scenes('thumbnail', 1),
  },
} satisfies TaskSettings<TilesConfig>;
