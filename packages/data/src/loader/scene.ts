/** What follows a picture when it is cropped, mirrored or resized: boxes and masks. */
import type { EncodedImage } from '../arrow/features.ts';
import { type Placement, placeMask } from '../augment/placement.ts';
import { decodeMask, ignoredClass, type Mask } from '../image/mask.ts';
import { errorMessage } from '../io/file-system.ts';
import type { ColumnKind } from './columns.ts';
import { placeObjects, type RowObjects, type StoredObjects } from './objects.ts';

/** Width and height in pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** The kinds of columns that follow a picture. */
export type SceneKind = Extract<ColumnKind, 'objects' | 'mask'>;

export const isSceneKind = (kind: ColumnKind): kind is SceneKind => kind === 'objects' || kind === 'mask';

/** A column of a row that follows the picture. */
type Follower =
  | { readonly kind: 'objects'; readonly objects: StoredObjects }
  | { readonly kind: 'mask'; readonly mask: Mask };

/** What follows the picture of a row. */
export interface Scene {
  /** The size of the stored image, turned upright. */
  readonly stored: Size;
  /** The size of the image from which a part is delivered: the stored image, or a smaller one. */
  readonly image: Size;
  readonly followers: Readonly<Record<string, Follower>>;
  /** The memory that it takes. */
  readonly bytes: number;
}

/** A column's value, as its reader returned it. */
interface ReadValue {
  readonly name: string;
  readonly kind: SceneKind;
  readonly value: unknown;
}

/**
 * Prepares what follows a picture.
 *
 * @returns or why the row cannot be used
 */
export async function readScene(values: readonly ReadValue[], stored: Size, image: Size): Promise<Scene | string> {
  const followers: Record<string, Follower> = {};
  let bytes = 0;
  for (const { name, kind, value } of values) {
    if (kind === 'objects') {
      const objects = value as StoredObjects;
      followers[name] = { kind, objects };
      bytes += 64 * objects.labels.length;
      continue;
    }
    const mask = await readMask(value as EncodedImage | Uint8Array, stored);
    if (typeof mask === 'string') return mask;
    // The mask is kept in the picture's resolution, which is often much lower.
    const small = shrinkMask(mask, image);
    followers[name] = { kind, mask: small };
    bytes += small.data.byteLength;
  }
  return { stored, image: { width: image.width, height: image.height }, followers, bytes };
}

/** A row's mask, or why it cannot be used. */
async function readMask(value: EncodedImage | Uint8Array, stored: Size): Promise<Mask | string> {
  const encoded = value instanceof Uint8Array ? value : value.bytes;
  if (encoded === null || encoded.byteLength === 0) return 'there is no mask';
  try {
    const mask = await decodeMask(encoded);
    return mask.width === stored.width && mask.height === stored.height
      ? mask
      : `the mask has ${mask.width} x ${mask.height} pixels, but the image ${stored.width} x ${stored.height}`;
  } catch (error) {
    return `the mask cannot be decoded (${errorMessage(error)})`;
  }
}

/** A mask with the class of the nearest pixel, if the picture is smaller. */
function shrinkMask(mask: Mask, { width, height }: Size): Mask {
  if (width * height >= mask.width * mask.height) return mask;
  const data = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * mask.height) / height) * mask.width;
    for (let x = 0; x < width; x++, at++) data[at] = mask.data[row + Math.floor(((x + 0.5) * mask.width) / width)] ?? 0;
  }
  return { data, width, height };
}

/**
 * What follows a picture, as the picture is delivered.
 *
 * @param placement of the scene's image
 * @param size the side of the delivered picture
 */
function placeFollower(
  follower: Follower,
  { stored, image }: Scene,
  placement: Placement,
  size: number,
): RowObjects | Uint8Array {
  switch (follower.kind) {
    case 'objects':
      return placeObjects(follower.objects, stored, image, placement);
    case 'mask':
      return placeMask(placement, follower.mask, image, size, ignoredClass);
    default:
      return follower satisfies never;
  }
}

/** The values of a row, with what follows its picture as `placeFollower` returns it. */
export const placeAll = (
  values: Readonly<Record<string, unknown>>,
  scene: Scene,
  placement: Placement,
  size: number,
): Readonly<Record<string, unknown>> => ({
  ...values,
  ...Object.fromEntries(
    Object.entries(scene.followers).map(([name, follower]) => [name, placeFollower(follower, scene, placement, size)]),
  ),
});

/** What would follow a picture where no picture is read. */
const unplaced = (kind: SceneKind, value: unknown): RowObjects | Uint8Array =>
  kind === 'objects' ? { ...(value as StoredObjects), width: 0, height: 0 } : new Uint8Array();

/** The values of a row whose picture is not read. @param kinds of the columns that would follow it, by name */
export const unplacedAll = (
  values: Readonly<Record<string, unknown>>,
  kinds: readonly (readonly [name: string, kind: SceneKind])[],
): Readonly<Record<string, unknown>> => ({
  ...values,
  ...Object.fromEntries(kinds.map(([name, kind]) => [name, unplaced(kind, values[name])])),
});
