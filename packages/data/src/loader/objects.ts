/** Columns with the objects of an image: boxes with classes, in the layouts that Hugging Face's detection sets have. */
import type { Feature, Features } from '../arrow/features.ts';
import { type Placement, placeBox } from '../augment/placement.ts';

/** The objects of a row. */
export interface RowObjects {
  /** [x, y, width, height] of each object, in shares of the delivered picture, from its top left corner. */
  readonly boxes: Float64Array;
  /** A class for each object. */
  readonly labels: Int32Array;
  /** 1 for a group of objects in one box (COCO's crowds). */
  readonly crowd: Uint8Array;
  /** 1 for an object that does not count, such as Pascal VOC's difficult ones. */
  readonly difficult: Uint8Array;
  /** The area of each object in pixels of the stored image, as its column says; otherwise that of its box. */
  readonly areas: Float64Array;
  /** The size of the stored image in pixels. */
  readonly width: number;
  readonly height: number;
}

/** The objects of a row as they are stored: boxes in pixels of the stored image. */
export type StoredObjects = Omit<RowObjects, 'width' | 'height'>;

/** Usual names of the members. */
const memberNames = {
  box: ['bbox', 'bboxes', 'box', 'boxes'],
  category: ['category', 'categories', 'category_id', 'label', 'labels', 'class', 'classes'],
  crowd: ['iscrowd', 'is_crowd', 'crowd'],
  difficult: ['difficult', 'is_difficult'],
  area: ['area', 'areas'],
} as const;

type Member = keyof typeof memberNames;

/** The members of a column of objects, whether it is a struct of lists or a list of structs. */
function membersOf(f: Feature): Features | null {
  if (f.type === 'list' && f.feature.type === 'struct') return f.feature.members;
  if (f.type !== 'struct') return null;
  const members = Object.entries(f.members);
  return Object.fromEntries(
    members.flatMap(([name, member]) => (member.type === 'list' ? [[name, member.feature]] : [])),
  );
}

const nameOf = (members: Readonly<Record<string, unknown>>, member: Member): string | null =>
  memberNames[member].find((name) => Object.hasOwn(members, name)) ?? null;

const isBox = (f: Feature | undefined): boolean =>
  f?.type === 'list' && f.feature.type === 'value' && /^(float|u?int)/.test(f.feature.dtype);

/** The class labels of a column of objects; null where it is none. */
export function objectClasses(f: Feature | undefined): readonly string[] | null {
  const members = f === undefined ? null : membersOf(f);
  if (members === null) return null;
  const [box, category] = [nameOf(members, 'box'), nameOf(members, 'category')];
  const classes = category === null ? undefined : members[category];
  return box !== null && isBox(members[box]) && classes?.type === 'class' ? classes.names : null;
}

/** A cell as lists by member. */
function listsOf(value: unknown): Readonly<Record<string, readonly unknown[]>> {
  if (!Array.isArray(value)) return (value ?? {}) as Record<string, unknown[]>;
  const structs = value as Readonly<Record<string, unknown>>[];
  const names = Object.keys(structs[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, structs.map((struct) => struct[name])]));
}

const isPositive = (value: unknown): boolean => value === true || (typeof value === 'number' && value > 0);

/**
 * Reads the objects of a row.
 *
 * @param numbers the caller's number of each of the data set's classes
 * @throws for an object without class, and for a box that is not four finite numbers
 */
export function readObjects(value: unknown, numbers: readonly number[]): StoredObjects {
  const lists = listsOf(value);
  const listOf = (member: Member): readonly unknown[] => lists[nameOf(lists, member) ?? ''] ?? [];
  const [boxes, categories, crowds, difficulties, areas] = [
    listOf('box') as readonly (readonly number[] | null)[],
    listOf('category'),
    listOf('crowd'),
    listOf('difficult'),
    listOf('area'),
  ];
  if (categories.length !== boxes.length)
    throw new Error(`there are ${boxes.length} boxes and ${categories.length} classes`);
  const flat = new Float64Array(4 * boxes.length);
  for (const [k, box] of boxes.entries()) {
    if (box?.length !== 4 || !box.every((side) => Number.isFinite(side)))
      throw new Error(`object ${k} has the box ${JSON.stringify(box)}; expected [x, y, width, height]`);
    flat.set(box, 4 * k);
  }
  const labels = Int32Array.from(categories, (category, k) => {
    const label = numbers[category as number];
    if (label === undefined) throw new Error(`object ${k} has the class ${category}; there are ${numbers.length}`);
    return label;
  });
  return {
    boxes: flat,
    labels,
    crowd: Uint8Array.from(boxes, (_, k) => (isPositive(crowds[k]) ? 1 : 0)),
    difficult: Uint8Array.from(boxes, (_, k) => (isPositive(difficulties[k]) ? 1 : 0)),
    areas: Float64Array.from(boxes, (box, k) => {
      const area = areas[k];
      return typeof area === 'number' ? area : (box?.[2] ?? 0) * (box?.[3] ?? 0);
    }),
  };
}

/**
 * The objects of a row in the delivered picture. Boxes are clipped to it; those that are outside of it, or have no area there, are left
 * out, as in DETR's training.
 *
 * @param image the size of the image that was placed, to which the stored image was resized
 */
export function placeObjects(
  stored: StoredObjects,
  size: { readonly width: number; readonly height: number },
  image: { readonly width: number; readonly height: number },
  placement: Placement,
): RowObjects {
  const [across, down] = [image.width / size.width, image.height / size.height];
  const placed = Array.from(stored.labels, (_, k) => {
    const [x = 0, y = 0, w = 0, h = 0] = stored.boxes.subarray(4 * k, 4 * k + 4);
    return placeBox(placement, [x * across, y * down, w * across, h * down]);
  });
  const kept = [...placed.keys()].filter((k) => placed[k] !== null);
  const pick = (values: ArrayLike<number>): number[] => kept.map((k) => values[k] as number);
  return {
    boxes: Float64Array.from(kept.flatMap((k) => placed[k] ?? [])),
    labels: Int32Array.from(pick(stored.labels)),
    crowd: Uint8Array.from(pick(stored.crowd)),
    difficult: Uint8Array.from(pick(stored.difficult)),
    areas: Float64Array.from(pick(stored.areas)),
    ...size,
  };
}
