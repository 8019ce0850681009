/** Settings of the task `detect`: boxes and classes. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count, rate } from '../../config/sections.ts';
import { shortRun } from '../short-run.ts';
import { vitDropPath, vitSizes } from '../vit-settings.ts';

const data = dataSection(
  {
    image: 'column with the pictures',
    label: 'class label column, for data sets without boxes',
    objects: 'column with boxes and their classes; where a data set has none, labeled pictures are placed in scenes',
  },
  {
    pictureSize: count.describe(
      'for data sets without boxes: side of the square pictures in pixels, at most that of the scenes',
    ),
    mostObjects: count
      .default(100)
      .describe('for data sets with boxes: of an image with more objects, the largest ones are learned'),
  },
);

const model = z.strictObject({
  ...vitSizes,
  imageSize: count.describe('side of the square images or scenes in pixels; a multiple of patchSize'),
  dropPath: vitDropPath,
});

const loss = z.strictObject({
  backgroundWeight: rate.default(0.1).describe('weight of patches without an object in the mean of cross-entropies'),
  boxWeight: rate.default(5).describe('factor on the distance between the edges of boxes'),
  overlapWeight: rate.default(2).describe('factor on 1 - GIoU, the generalized overlap of boxes'),
});

const schema = taskSchema('detect', { data, model, loss: loss.prefault({}) });

export type DetectConfig = z.infer<typeof schema>;

export const detectSettings = {
  name: 'detect',
  schema,
  presets: {
    /** Clothes of 24 x 24 pixels somewhere in scenes of 48 x 48. */
    detect: shortRun('detect', {
      data: { pictureSize: 24 },
      model: { imageSize: 48, patchSize: 6, width: 64, layers: 4, heads: 4 },
    }),
  },
  ownData: { data: { pictureSize: 64 }, model: { imageSize: 128, patchSize: 16 } },
  notOffered: {
    mixup:
      'a mixed image has no single box; mixup needs class labels of whole images, as the tasks classify and distill have them',
  },
} satisfies TaskSettings<DetectConfig>;
