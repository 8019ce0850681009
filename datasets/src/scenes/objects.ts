/** Objects in images, as both COCO and Pascal VOC have them: boxes that are checked, and the columns that store them. */
import { type Feature, feature } from '@tessera/data';
import { InputProblems, type LeftOut } from '@tessera/data/folder';
import type { PixelSize, PreparedImage } from '../prepare-image.ts';

/** [x, y, width, height] in pixels, from the top left corner of the image. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/** A box may reach this far beyond its image because of rounding, in pixels. */
const rounding = 1;

/** What is wrong with a box, and what is left of it. */
export interface CheckedBox {
  /** The part of the box within the image; null where there is none. */
  readonly box: Box | null;
  /** Null where nothing is wrong, or only by rounding. */
  readonly problem: string | null;
}

/** Checks a box. @param size of its image; undefined: not known */
export function checkBox(value: unknown, size: PixelSize | undefined): CheckedBox {
  const isBox = Array.isArray(value) && value.length === 4 && value.every((side) => Number.isFinite(side));
  if (!isBox) return { box: null, problem: 'has no box of four numbers' };
  const [x, y, width, height] = value as [number, number, number, number];
  if (!(width > 0 && height > 0)) return { box: null, problem: 'has a box without area' };
  if (size === undefined) return { box: [x, y, width, height], problem: null };
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const [right, bottom] = [Math.min(size.width, x + width), Math.min(size.height, y + height)];
  if (!(right > left && bottom > top)) return { box: null, problem: 'has a box outside of its image' };
  const beyond = Math.max(-x, -y, x + width - size.width, y + height - size.height);
  if (beyond <= 0) return { box: [x, y, width, height], problem: null };
  const problem = beyond > rounding ? 'has a box that reaches beyond its image, and is clipped' : null;
  return { box: [left, top, right - left, bottom - top], problem };
}

/** Boxes of the original image in pixels of the stored one. */
export const storedBoxes = (boxes: readonly Box[], { original, stored }: PreparedImage): number[][] => {
  const [across, down] = [stored.width / original.width, stored.height / original.height];
  return boxes.map(([x, y, width, height]) => [x * across, y * down, width * across, height * down]);
};

/** The factor on areas in pixels of the original image. */
export const areaScale = ({ original, stored }: PreparedImage): number =>
  (stored.width / original.width) * (stored.height / original.height);

/** A column of objects in the layout of Hugging Face's detection sets: a struct of lists. */
export const objectsFeature = (classes: readonly string[], more: Readonly<Record<string, Feature>>): Feature =>
  feature.struct(
    Object.fromEntries(
      Object.entries({
        bbox: feature.list(feature.value('float64')),
        category: feature.classLabel(classes),
        ...more,
      }).map(([name, member]) => [name, feature.list(member)]),
    ),
  );

/** @throws where something is wrong and the user asked to stop at that */
export function refuseProblems(where: string, problems: readonly LeftOut[], strict: boolean): void {
  if (strict && problems.length > 0)
    throw new InputProblems(
      where,
      problems.map(({ file, reason }) => `${file} ${reason}`),
    );
}
