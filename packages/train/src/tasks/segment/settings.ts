/** Settings of the task `segment`: a class for each pixel. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { shortRun } from '../short-run.ts';
import { vitDropPath, vitSizes } from '../vit-settings.ts';

const data = dataSection(
  {
    image: 'column with the images',
    label: 'class label column, for data sets without masks: the class of the object in the image',
    mask: 'column with masks: images of class numbers; where a data set has none, the labels are used',
  },
  {
    classes: z
      .array(z.string().min(1))
      .min(2)
      .max(255)
      .nullable()
      .default(null)
      .describe("names of the masks' values from 0 on; null: background and the classes of the data set's objects"),
    background: z
      .int()
      .min(0)
      .max(254)
      .default(24)
      .describe(
        'for data sets without masks: pixels up to this brightness, from 0 to 255 in the brightest channel, are background; all others have the class of the image',
      ),
  },
);

const model = z.strictObject({
  ...vitSizes,
  dropPath: vitDropPath,
  features: z
    .array(z.int())
    .min(1)
    .default([1, -1])
    .describe('blocks whose tokens the head reads, from 0; negative numbers count from the last'),
});

const schema = taskSchema('segment', { data, model });

export type SegmentConfig = z.infer<typeof schema>;

export const segmentSettings = {
  name: 'segment',
  schema,
  presets: {
    /** Clothes and what is behind them. */
    segment: shortRun('segment', { model: { imageSize: 32, patchSize: 4, width: 64, layers: 4, heads: 4 } }),
  },
  ownData: { model: { imageSize: 64, patchSize: 8 } },
  notOffered: {
    mixup:
      'classes of pixels are not mixed; mixup needs class labels of whole images, as the tasks classify and distill have them',
  },
} satisfies TaskSettings<SegmentConfig>;
