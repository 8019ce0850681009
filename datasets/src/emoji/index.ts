/** The builder of the emoji dataset. */
import { DatasetWriter, type Features, feature } from '@tessera/data';
import { mapInOrder } from '@tessera/data/io';
import sharp from 'sharp';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from '../builder.ts';
import { frequentTags } from './attributes.ts';
import { captionsOf, readable, wordsOf } from './captions.ts';
import { collectDrawings, type Drawing, loadStyles, type SplitName, splitNames, splitOf } from './concepts.ts';
import { type EmojiIndex, loadEmojibase } from './emojibase.ts';
import { styleNames } from './styles.ts';

/**
 * Side of the stored images in pixels. Training at 64 pixels starts from images that are an eighth larger, so that crops and rotations
 * do not enlarge them. Images of 72 pixels are used as they are and are resampled only once.
 */
const imageSize = 72;

/** The number of SVGs that are drawn at the same time, which keeps the threads of libvips busy. */
const drawnAtOnce = 6;

/** A row before its image is drawn. */
export interface PlannedRow {
  split: SplitName;
  drawing: Drawing;
  captions: string[];
  /** The number of the concept. */
  concept: number;
}

/** Plans all rows with their splits and captions. */
export function planEmoji(index: EmojiIndex = loadEmojibase(), styles = loadStyles()): PlannedRow[] {
  const drawings = collectDrawings(index, Object.values(styles));
  const concepts = new Map<string, number>();
  const plan = drawings.map((drawing): PlannedRow => {
    const concept = concepts.get(drawing.concept) ?? concepts.size;
    concepts.set(drawing.concept, concept);
    return { split: splitOf(drawing), drawing, captions: captionsOf(drawing), concept };
  });
  const seen = new Set(
    plan.filter(({ split }) => split === 'train').flatMap(({ captions }) => captions.flatMap(wordsOf)),
  );
  const guessable = plan
    .filter(
      ({ split, captions: [label = ''] }) => split === 'test_concept' && wordsOf(label).every((word) => seen.has(word)),
    )
    .map((row): PlannedRow => ({ ...row, split: 'test_concept_seen_words' }));
  return [...plan, ...guessable];
}

export const emoji = {
  name: 'emoji',
  title: 'Emoji in nine drawing styles, with labels and tags',
  license: 'Apache-2.0, MIT, CC-BY-4.0 and CC-BY-SA-4.0, by style',
  homepage: 'https://iconify.design',
  version: 2,
  unavailable: async () => null,
  build: buildEmoji,
} satisfies DatasetBuilder;

export interface EmojiOptions extends BuildOptions {
  /** Build only these rows. Default: all. */
  plan?: PlannedRow[];
}

/** Builds the emoji dataset at `target`. */
export async function buildEmoji(target: string, options: EmojiOptions = {}): Promise<BuildReport> {
  const { onProgress, overwrite = false } = options;
  const index = loadEmojibase();
  const styles = loadStyles();
  const whole = planEmoji(index, styles);
  const plan = options.plan ?? whole;
  const attributes = attributesOf(whole);
  const features: Features = {
    image: feature.image(),
    label: feature.value('string'),
    tags: feature.list(feature.value('string')),
    captions: feature.list(feature.value('string')),
    concept: feature.value('int32'),
    emoji: feature.value('string'),
    style: feature.classLabel(styleNames),
    group: feature.classLabel(index.groups),
    subgroup: feature.classLabel(index.subgroups),
    attributes: feature.list(feature.classLabel(attributes)),
  };
  const writer = await DatasetWriter.create(target, { features, info: infoOf(emoji), overwrite });
  try {
    for (const split of splitNames) writer.addSplit(split);
    const drawn = mapInOrder(plan, drawnAtOnce, async (row) => ({
      row,
      png: await drawPng(styles[row.drawing.style].svg(row.drawing.icon, imageSize)),
    }));
    let done = 0;
    for await (const { row, png } of drawn) {
      const { split, drawing, captions, concept } = row;
      await writer.write(split, {
        image: { bytes: png, path: `${drawing.style}/${drawing.icon}.png` },
        label: readable(drawing.emoji.label),
        tags: tagsOf(drawing),
        captions,
        concept,
        emoji: drawing.emoji.emoji,
        style: drawing.style,
        group: drawing.emoji.group,
        subgroup: drawing.emoji.subgroup,
        attributes: tagsOf(drawing).filter((tag) => attributes.includes(tag)),
      });
      onProgress?.({ what: 'drawing emoji', done: ++done, total: plan.length });
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: writer.path, splits: writer.counts };
}

const tagsOf = ({ emoji }: Drawing): string[] => emoji.tags ?? [];

/** The classes of the column `attributes`: the tags that are frequent in training. */
export const attributesOf = (plan: readonly PlannedRow[]): string[] =>
  frequentTags(
    plan.flatMap(({ split, drawing, concept }) => (split === 'train' ? [{ concept, tags: tagsOf(drawing) }] : [])),
  );

/** Draws an SVG as a PNG, on white. */
async function drawPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg)).flatten({ background: '#ffffff' }).png({ compressionLevel: 6 }).toBuffer();
}
