/** Images in a notebook: one, or many in a grid with their labels. */
import { formatShape, isTensor, type Tensor } from '@tessera/tensor';
import sharp from 'sharp';
import { enlarge, type Picture } from '../report/draw.ts';
import { drawGrid } from '../report/grid.ts';
import { batchPictures, type Drawn, type PixelOptions, pictureOf, type ShownImage } from './pictures.ts';
import { Shown } from './shown.ts';

export interface ImageOptions extends PixelOptions {
  /** Each pixel as a square of so many pixels. Default: 1 for large images, more for those with few pixels. */
  readonly scale?: number;
}

export interface GridOptions extends ImageOptions {
  /** A text below each image. */
  readonly labels?: readonly string[];
  /** Images in a row. Default 8. */
  readonly columns?: number;
  /** How many images are shown. Default 64. */
  readonly most?: number;
}

/** The size up to which images are enlarged unless their scale is given: of one image, and in a grid. */
const usualSide = { single: 256, grid: 96 };

/**
 * An image. Small ones are enlarged without smoothing, so that single pixels can be seen.
 *
 *     displayImage(images.select(0, 3));                       // a tensor [H, W, C] or [C, H, W], u8 or from 0 to 1
 *     displayImage(weights.select(0, 0), { range: 'auto' });   // any numbers
 *
 * @param image a tensor [H, W], [H, W, C] or [C, H, W] with 1, 3 or 4 channels, decoded RGB pixels, the bytes of an image file, or an
 *   image of a data set
 */
export function displayImage(image: ShownImage, options: ImageOptions = {}): Shown {
  checkScale('displayImage', options.scale);
  return new Shown(async () => {
    const { picture, remarks } = await pictureOf(image, options);
    return {
      'text/plain': [titleOf(image, picture), ...remarks].join('; '),
      'image/png': await pngOf(scaled(picture, options.scale, usualSide.single)),
    };
  });
}

/**
 * Images in a grid, with a label below each if there are labels. Images of different sizes are centered in their places.
 *
 *     displayImages(batch.image, { labels: batch.names, columns: 10 });
 *
 * @param images a batch [N, H, W, C], [N, C, H, W] or [N, H, W], or a list of images as `displayImage` takes them
 */
export function displayImages(images: Tensor | readonly ShownImage[], options: GridOptions = {}): Shown {
  const { labels, columns = 8, most = 64, scale } = options;
  checkScale('displayImages', scale);
  for (const [name, value] of Object.entries({ columns, most }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`displayImages: ${name} must be a whole number of at least 1, got ${value}`);
  const count = isTensor(images) ? (images.shape[0] ?? 0) : images.length;
  if (count === 0) throw new RangeError('displayImages: there are no images');
  if (labels !== undefined && labels.length !== count)
    throw new RangeError(`displayImages: ${labels.length} labels do not fit ${count} images`);
  return new Shown(async () => {
    const drawn = isTensor(images)
      ? await batchPictures(images, most, options)
      : await Promise.all(images.slice(0, most).map((image) => pictureOf(image, options)));
    const remarks = [
      ...(count > most ? [`the first ${most} of ${count}: the option most shows more`] : []),
      ...remarksOf(drawn),
    ];
    return {
      'text/plain': [`${count} images`, ...remarks].join('; '),
      'image/png': (
        await drawGrid({
          pictures: gridPictures(drawn, scale),
          labels: labels?.slice(0, most) ?? null,
          columns,
          note: remarks.join('; '),
        })
      ).toString('base64'),
    };
  });
}

/** One factor for all pictures of a grid, so that their sizes can be compared. */
function gridPictures(drawn: readonly Drawn[], scale: number | undefined): Picture[] {
  const side = Math.max(...drawn.map(({ picture: { height, width } }) => Math.max(height, width)));
  const factor = scale ?? factorFor(side, usualSide.grid);
  return drawn.map(({ picture }) => enlarge(picture, factor));
}

/** The remarks about single pictures, with their numbers. */
const remarksOf = (drawn: readonly Drawn[]): string[] => {
  const all = drawn.flatMap(({ remarks }, k) => remarks.map((remark) => `image ${k}: ${remark}`));
  return all.length <= 3 ? all : [...all.slice(0, 3), `and ${all.length - 3} more remarks`];
};

const factorFor = (side: number, usual: number): number => Math.max(1, Math.floor(usual / side));

const scaled = (picture: Picture, scale: number | undefined, usual: number): Picture =>
  enlarge(picture, scale ?? factorFor(Math.max(picture.height, picture.width), usual));

function checkScale(what: string, scale: number | undefined): void {
  if (scale !== undefined && (!Number.isInteger(scale) || scale < 1))
    throw new RangeError(`${what}: scale must be a whole number of at least 1, got ${scale}`);
}

const titleOf = (image: ShownImage, { height, width }: Picture): string =>
  isTensor(image) ? `image ${image.dtype} ${formatShape(image.shape)}` : `image of ${width} x ${height} pixels`;

async function pngOf({ pixels, height, width }: Picture): Promise<string> {
  const png = await sharp(pixels, { raw: { height, width, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return png.toString('base64');
}
