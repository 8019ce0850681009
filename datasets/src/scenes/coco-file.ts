/** Reading of COCO's files of instances: images with their objects, each checked. */
import type { LeftOut } from '@tessera/data/folder';
import type { PixelSize } from '../prepare-image.ts';
import { type CocoImage, checkCocoImage } from '../source/coco.ts';
import { readJsonLists } from '../source/json-lists.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { type Box, checkBox } from './objects.ts';
import type { Segmentation } from './runs.ts';

export interface CocoObject {
  readonly id: number;
  readonly box: Box;
  /** The number of its category, in ascending order of the file's ids. */
  readonly category: number;
  readonly area: number;
  readonly crowd: boolean;
  /** Null where it has none. */
  readonly outline: Segmentation | null;
}

interface CocoScene {
  readonly image: CocoImage;
  readonly size: PixelSize | undefined;
  readonly objects: CocoObject[];
}

export interface CocoInstances {
  readonly scenes: readonly CocoScene[];
  /** Names by id, in ascending order of the ids. */
  readonly categories: ReadonlyMap<number, string>;
  /** Objects that are not used or were changed, and why. */
  readonly problems: readonly LeftOut[];
}

interface Annotation {
  readonly id?: unknown;
  readonly image_id?: unknown;
  readonly category_id?: unknown;
  readonly bbox?: unknown;
  readonly area?: unknown;
  readonly iscrowd?: unknown;
  readonly segmentation?: unknown;
}

/** Of an annotation only what is used, so that little is kept of a large file. */
type Kept = Omit<Annotation, 'image_id'> & { readonly place: number };

const isOutline = (value: unknown): value is Segmentation =>
  typeof value === 'object' && value !== null && (!Array.isArray(value) || value.length > 0);

/**
 * Reads `{ images, annotations, categories }` (cocodataset.org/#format-data). The file is read piece by piece; what is kept of 860,000
 * objects takes about 600 MB.
 *
 * @throws where the file has another form
 */
export async function readCocoInstances(files: SourceFiles, name: string): Promise<CocoInstances> {
  const images: CocoImage[] = [];
  const annotations: (Kept & { readonly image_id: unknown })[] = [];
  const categories: [id: number, name: string][] = [];
  await readJsonLists(files, name, {
    images: (value) => images.push(checkCocoImage(value)),
    annotations(value) {
      const { id, image_id, category_id, bbox, area, iscrowd, segmentation } = (value ?? {}) as Annotation;
      const place = annotations.length;
      annotations.push({ place, id, image_id, category_id, bbox, area, iscrowd, segmentation });
    },
    categories(value) {
      const { id, name: category } = (value ?? {}) as { id?: unknown; name?: unknown };
      if (typeof id !== 'number' || typeof category !== 'string')
        throw new Error(`a category without id or name: ${JSON.stringify(value)?.slice(0, 80)}`);
      categories.push([id, category]);
    },
  });
  if (images.length === 0 || categories.length === 0)
    throw new Error(`${files.where}: ${name} has no ${images.length === 0 ? 'images' : 'categories'}`);
  const names = new Map(categories.sort(([a], [b]) => a - b));
  const numbers = new Map([...names.keys()].map((id, number) => [id, number]));
  const problems: LeftOut[] = [];
  const scenes = new Map<number, CocoScene>();
  for (const image of images) {
    const { id, width, height } = image;
    const size = width === undefined || height === undefined ? undefined : { width, height };
    if (scenes.has(id)) problems.push({ file: `${name}: image ${id}`, reason: 'is listed twice' });
    else scenes.set(id, { image, size, objects: [] });
  }
  for (const annotation of annotations) {
    const scene = scenes.get(annotation.image_id as number);
    const category = numbers.get(annotation.category_id as number);
    const complain = (reason: string): void => {
      problems.push({ file: `${name}: annotation ${annotation.id ?? annotation.place}`, reason });
    };
    if (scene === undefined) complain('belongs to no image');
    else if (category === undefined) complain('has a category that is not listed');
    else {
      const { box, problem } = checkBox(annotation.bbox, scene.size);
      if (problem !== null) complain(problem);
      if (box === null) continue;
      const { id, place, area, iscrowd, segmentation } = annotation;
      scene.objects.push({
        id: typeof id === 'number' ? id : place,
        box,
        category,
        area: typeof area === 'number' ? area : box[2] * box[3],
        crowd: iscrowd === 1 || iscrowd === true,
        outline: isOutline(segmentation) ? segmentation : null,
      });
    }
  }
  return { scenes: [...scenes.values()], categories: names, problems };
}
