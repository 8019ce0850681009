/** Images of every kind as RGB pictures: tensors in the usual layouts, decoded pixels, and image files. */
import { decodeImage, type EncodedImage, type Pixels } from '@tessera/data';
import { formatShape, isTensor, type Tensor } from '@tessera/tensor';
import type { Picture } from '../report/draw.ts';

/** An image: a tensor, decoded RGB pixels, the bytes of an image file, or an image of a data set. */
export type ShownImage = Tensor | Pixels | Uint8Array | EncodedImage;

/** How the numbers of tensors become pixels. Decoded pixels and files need none of it. */
export interface PixelOptions {
  /**
   * Where the channels are: the last axis or the first. Default: the last one if it has 1, 3 or 4 elements, otherwise the first. An
   * image with two axes is gray.
   */
  readonly layout?: 'hwc' | 'chw';
  /**
   * The values that are black and white; `auto`: the smallest and the largest value. Default: 0 and 1 for floating point, 0 and 255 for
   * integers. Values outside are drawn as the nearest end, and the text says how many there are.
   */
  readonly range?: readonly [black: number, white: number] | 'auto';
}

/** A picture, and remarks about what it does not show. */
export interface Drawn {
  readonly picture: Picture;
  readonly remarks: readonly string[];
}

/** Larger images are shrunk when they are decoded, to a shorter side of half of this. */
const decodeSize = 512;

/** @throws RangeError for a tensor that is not an image, Error for a file that cannot be decoded */
export async function pictureOf(image: ShownImage, options: PixelOptions): Promise<Drawn> {
  if (isTensor(image)) return tensorPicture(image.shape, image.dtype === 'bool', await numbersOf(image), options);
  if (isPixels(image)) return { picture: picture(image), remarks: [] };
  const bytes = image instanceof Uint8Array ? image : image.bytes;
  if (bytes === null)
    throw new Error(
      `this image of a data set has no bytes, only the path ${(image as EncodedImage).path}: read the file and pass its bytes`,
    );
  return { picture: picture(await decodeImage(bytes, { kind: 'large', size: decodeSize })), remarks: [] };
}

const isPixels = (image: ShownImage): image is Pixels => 'data' in image && image.data instanceof Uint8Array;

const picture = ({ data, height, width }: Pixels): Picture => {
  if (data.length !== height * width * 3)
    throw new RangeError(`pixels of ${height} x ${width} need ${height * width * 3} bytes (RGB), got ${data.length}`);
  return { pixels: data, height, width };
};

/** The values of a tensor, with the scale of their kind. */
interface Numbers {
  readonly values: ArrayLike<number>;
  readonly white: number;
}

async function numbersOf(image: Tensor): Promise<Numbers> {
  const isInteger = image.dtype === 'u8' || image.dtype === 'i32';
  return { values: await image.data(), white: isInteger ? 255 : 1 };
}

/** The images of a batch, [N, ...image]; a batch of gray images may be [N, H, W]. */
export async function batchPictures(batch: Tensor, most: number, options: PixelOptions): Promise<Drawn[]> {
  const { shape } = batch;
  const [count = 0, ...own] = shape;
  if (own.length !== 2 && own.length !== 3)
    throw new RangeError(
      `displayImages: needs a batch [N, H, W, C], [N, C, H, W] or [N, H, W], got ${formatShape(shape)}`,
    );
  const shown = Math.min(count, most);
  const { values, white } = await numbersOf(batch.narrow(0, 0, shown));
  const size = own.reduce((product, n) => product * n, 1);
  const all = Array.from(values);
  return Array.from({ length: shown }, (_, k) =>
    tensorPicture(own, batch.dtype === 'bool', { values: all.slice(k * size, (k + 1) * size), white }, options),
  );
}

/** Where the rows, columns and channels of an image are: their sizes, and the distance of neighbors in its values. */
interface Axes {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly strides: readonly [row: number, column: number, channel: number];
}

function axesOf(shape: readonly number[], layout: PixelOptions['layout']): Axes {
  const [a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2) return { height: a, width: b, channels: 1, strides: [b, 1, 0] };
  const isChannels = (n: number): boolean => n === 1 || n === 3 || n === 4;
  const chosen = layout ?? (isChannels(c) ? 'hwc' : 'chw');
  const axes: Axes =
    chosen === 'hwc'
      ? { height: a, width: b, channels: c, strides: [b * c, c, 1] }
      : { height: b, width: c, channels: a, strides: [c, 1, b * c] };
  if (shape.length !== 3 || !isChannels(axes.channels))
    throw new RangeError(
      `an image is [H, W], or has 1, 3 or 4 channels as [H, W, C] or [C, H, W], got ${formatShape(shape)}${layout === undefined ? '' : ` with the layout ${layout}`}`,
    );
  return axes;
}

/** Values that are not numbers, in a color that is rare in photographs. */
const magenta = [255, 0, 255] as const;

function tensorPicture(
  shape: readonly number[],
  isBool: boolean,
  { values, white }: Numbers,
  { layout, range }: PixelOptions,
): Drawn {
  const { height, width, channels, strides } = axesOf(shape, layout);
  if (height === 0 || width === 0) throw new RangeError(`an image of ${formatShape(shape)} has no pixels`);
  const [black, top] = isBool ? [0, 1] : range === 'auto' ? extentOf(values) : (range ?? [0, white]);
  if (!(top > black)) throw new RangeError(`range: white must be greater than black, got [${black}, ${top}]`);
  const pixels = new Uint8Array(height * width * 3);
  let [outside, missing] = [0, 0];
  const level = (at: number): number => {
    const value = values[at] as number;
    if (Number.isNaN(value)) return Number.NaN;
    if (value < black || value > top) outside++;
    return Math.min(1, Math.max(0, (value - black) / (top - black)));
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const start = y * strides[0] + x * strides[1];
      const levels = Array.from({ length: channels }, (_, k) => level(start + k * strides[2]));
      const place = (y * width + x) * 3;
      if (levels.some(Number.isNaN)) {
        pixels.set(magenta, place);
        missing++;
      } else pixels.set(rgbOf(levels), place);
    }
  const remarks = [
    ...(outside > 0 ? [`${outside} of ${values.length} values are outside of [${black}, ${top}]`] : []),
    ...(missing > 0 ? [`${missing} pixels are NaN (magenta)`] : []),
  ];
  return { picture: { pixels, height, width }, remarks };
}

/** One, three or four levels from 0 to 1 as RGB; transparent parts are white. */
function rgbOf(levels: readonly number[]): number[] {
  const [first = 0, green = first, blue = first, alpha = 1] = levels;
  return [first, green, blue].map((level) => Math.round(255 * (alpha * level + 1 - alpha)));
}

/** The smallest and the largest number; a range of 1 if all are equal. */
function extentOf(values: ArrayLike<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  return low === high ? [low, low + 1] : [low, high];
}
