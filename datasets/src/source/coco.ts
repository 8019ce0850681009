/** The layout of COCO: its files by split and year, its images, and its captions. */
import { baseOf } from './builder.ts';
import type { OfficialArchives } from './files.ts';
import { readJsonLists } from './json-lists.ts';
import type { SourceFiles } from './source-files.ts';

/** COCO's names of the splits, and ours. */
export const cocoSplits = { train: 'train', val: 'validation' } as const;

/** The years of the published files, those that are preferred first. */
const cocoYears = [2017, 2014] as const;

/** The kinds of files of annotations. */
type CocoKind = 'captions' | 'instances';

export const cocoFile = (kind: CocoKind, split: string, year: number): string =>
  `annotations/${kind}_${split}${year}.json`;

/** The archives as they are downloaded. */
export const cocoArchives = (kind: CocoKind): OfficialArchives =>
  Object.fromEntries(
    cocoYears.flatMap((year) => [
      [`annotations_trainval${year}.zip`, cocoFile(kind, 'train', year)],
      [`train${year}.zip`, `train${year}/`],
      [`val${year}.zip`, `val${year}/`],
    ]),
  );

/** The year of which there is a file of annotations. */
export const cocoYear = (files: SourceFiles, kind: CocoKind): number =>
  cocoYears.find((year) =>
    Object.keys(cocoSplits).some((split) => baseOf(files, cocoFile(kind, split, year)) !== null),
  ) ?? cocoYears[0];

/** An image of a file of annotations. */
export interface CocoImage {
  readonly id: number;
  readonly file_name: string;
  readonly width?: number;
  readonly height?: number;
}

/** @throws where it has another form */
export function checkCocoImage(value: unknown): CocoImage {
  const { id, file_name, width, height } = (value ?? {}) as Partial<CocoImage>;
  if (typeof id !== 'number' || typeof file_name !== 'string')
    throw new Error(`an image without id or file_name: ${JSON.stringify(value)?.slice(0, 80)}`);
  return { id, file_name, ...(typeof width === 'number' && typeof height === 'number' && { width, height }) };
}

/** The images of a file, and the captions by the images' ids. @throws where the file has another form, or a caption has no image */
export async function readCocoCaptions(
  files: SourceFiles,
  name: string,
): Promise<{ images: CocoImage[]; captions: ReadonlyMap<number, string[]> }> {
  const images: CocoImage[] = [];
  const captions = new Map<number, string[]>();
  let lists = 0;
  await readJsonLists(files, name, {
    images: (value) => images.push(checkCocoImage(value)),
    annotations(value) {
      const { image_id, caption } = (value ?? {}) as { image_id?: unknown; caption?: unknown };
      if (typeof image_id !== 'number' || typeof caption !== 'string')
        throw new Error(`annotation ${lists} has no caption, or no image`);
      lists++;
      const text = caption.trim();
      const own = captions.get(image_id);
      if (own === undefined) captions.set(image_id, text === '' ? [] : [text]);
      else if (text !== '') own.push(text);
    },
  });
  if (images.length === 0 || lists === 0)
    throw new Error(`${files.where}: ${name} has no lists "images" and "annotations"`);
  const ids = new Set(images.map(({ id }) => id));
  const stray = [...captions.keys()].find((id) => !ids.has(id));
  if (stray !== undefined) throw new Error(`${files.where}: ${name}: a caption has no image with id ${stray}`);
  return { images, captions };
}
