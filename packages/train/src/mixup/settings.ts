/** The section `mixup` of tasks that classify images, and what it means for their batches. */
import { z } from 'zod';
import { count, rate, share } from '../config/sections.ts';

const fields = z.strictObject({
  mixupAlpha: rate
    .default(0)
    .describe('mixup: each image is blended with another one, with a share from Beta(alpha, alpha); 0: no mixup'),
  cutmixAlpha: rate
    .default(0)
    .describe('CutMix: a box of each image is that of another one, with an area from Beta(alpha, alpha); 0: no CutMix'),
  cutmixMinmax: z
    .tuple([share, share])
    .nullable()
    .default(null)
    .describe("smallest and largest side of CutMix's box, as shares of the image's, in place of cutmixAlpha"),
  prob: share.default(1).describe('chance that a batch is mixed'),
  switchProb: share.default(0.5).describe('chance of CutMix where a batch is mixed and mixup is possible too'),
  correctLam: z
    .boolean()
    .default(true)
    .describe("whether CutMix's share is that of the box after it was cut off at the image's border"),
  offEpoch: count
    .nullable()
    .default(null)
    .describe('number of epochs after which batches are not mixed; null: all are'),
});

export type MixupSettings = z.infer<typeof fields>;

/** Whether any batch is mixed. */
export const isMixing = ({ mixupAlpha, cutmixAlpha, cutmixMinmax }: MixupSettings): boolean =>
  mixupAlpha > 0 || cutmixAlpha > 0 || cutmixMinmax !== null;

/** The settings that could have no effect, with what they need. */
function* ignored(settings: MixupSettings): Generator<readonly [name: keyof MixupSettings, needs: string]> {
  const { mixupAlpha, cutmixAlpha, cutmixMinmax, prob, switchProb, correctLam, offEpoch } = settings;
  const mixes = isMixing(settings);
  const cuts = cutmixAlpha > 0 || cutmixMinmax !== null;
  const either = 'mixup.mixupAlpha or mixup.cutmixAlpha above 0';
  if (prob !== 1 && !mixes) yield ['prob', either];
  if (offEpoch !== null && !mixes) yield ['offEpoch', either];
  if (switchProb !== 0.5 && !(mixupAlpha > 0 && cuts)) yield ['switchProb', 'both mixup and CutMix'];
  if (!correctLam && (cutmixAlpha === 0 || cutmixMinmax !== null))
    yield ['correctLam', 'mixup.cutmixAlpha above 0 and mixup.cutmixMinmax null'];
  if (cutmixMinmax !== null && cutmixMinmax[0] > cutmixMinmax[1])
    yield ['cutmixMinmax', 'the smaller side before the larger one'];
}

/** Settings with the names and the meaning of timm's `Mixup` in the mode `batch`. */
export const mixupSection = fields
  .superRefine((settings, context) => {
    for (const [name, needs] of ignored(settings))
      context.addIssue({ code: 'custom', path: [name], message: `needs ${needs}` });
  })
  .prefault({});
