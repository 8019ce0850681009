/** The settings of augmentation, the presets, and how the random values of one image are drawn. */
import type { CounterRandom } from '../random.ts';
import type { ErasingOptions, Policy } from './policy.ts';

/** A random part of the image, chosen as in torchvision's RandomResizedCrop. */
export interface CropOptions {
  /** Smallest and largest fraction of the image's area. */
  scale: [number, number];
  /** Smallest and largest ratio of width to height. */
  ratio: [number, number];
}

/** A random rotation, shift and scaling about the image's center. */
export interface AffineOptions {
  /** Largest rotation in either direction, in degrees. */
  degrees: number;
  /** Largest shift in either direction, as a fraction of the image's width and height. */
  translate: number;
  /** Smallest and largest scale; above 1 the image grows. */
  scale: [number, number];
  /** Largest shear in either direction, in degrees. */
  shear?: number;
}

/** How much colors may change, as in torchvision's ColorJitter: each factor is drawn from [1 - x, 1 + x], hue from [-x, x] turns. */
export interface ColorOptions {
  brightness: number;
  contrast: number;
  saturation: number;
  hue: number;
}

/** Random changes to a training image. All parts are optional; without any, the image is only resized. */
export interface Augmentation {
  crop?: CropOptions | null;
  affine?: AffineOptions | null;
  color?: ColorOptions | null;
  /** Automatic augmentation of the image in its final size. */
  policy?: Policy | null;
  /** A random rectangle is filled with the color `fill`. */
  erase?: ErasingOptions | null;
  /** Probability of a mirror image. Default 0, because mirrored text, arrows and clocks are wrong. */
  flip?: number;
  /** Interpolation of affine maps. Default: bicubic. */
  interpolation?: 'bilinear' | 'bicubic';
  /** Color of the area outside of the image: R, G, B, each 0 to 255. Default: white. */
  fill?: [number, number, number];
}

const clipCrop = { scale: [0.9, 1], ratio: [3 / 4, 4 / 3] } satisfies CropOptions;

/** Augmentations by name. */
export const augmentations = {
  /** The augmentation that CLIP was trained with. */
  clip: { crop: clipCrop },
  /** For small datasets of drawings, whose held-out style differs in proportions and colors. */
  drawings: {
    affine: { degrees: 12, translate: 0.08, scale: [0.85, 1.1], shear: 5 },
    color: { brightness: 0.2, contrast: 0.2, saturation: 0.3, hue: 0.04 },
  },
  /** For small pictures of things that look the same when mirrored. */
  flip: { affine: { degrees: 5, translate: 0.08, scale: [0.9, 1.1] }, flip: 0.5 },
  /** For classifiers of photographs: large crops, mirror images, and one operation of random strength. */
  trivialaugment: {
    crop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] },
    flip: 0.5,
    policy: { kind: 'trivialaugment' },
    fill: [128, 128, 128],
  },
  /** The same with two operations of fixed strength, and random erasing. */
  randaugment: {
    crop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] },
    flip: 0.5,
    policy: { kind: 'randaugment', operations: 2, magnitude: 9 },
    erase: { probability: 0.25, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
    fill: [128, 128, 128],
  },
} satisfies Record<string, Augmentation>;

/** A rectangle in an image, in pixels, not rounded. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The random values of an augmentation for one image. */
export interface AugmentationDraw {
  box: Box;
  flip: boolean;
  /** A 2 x 2 matrix that maps offsets from the output's center to offsets in the box, each in units of half the size; null: identity. */
  matrix: [number, number, number, number] | null;
  /** Shift of the image's content, as a fraction of its size. */
  shift: [number, number];
  color: { brightness: number; contrast: number; saturation: number; hue: number } | null;
}

/** Which part of an image remains where no random part is chosen: the center square, or all of it, whatever its aspect ratio. */
export type Fit = 'center' | 'whole';

/** Draws the random values for an image of the given size. The same stream and size always produce the same values. */
export function drawAugmentation(
  augmentation: Augmentation,
  width: number,
  height: number,
  random: CounterRandom,
  fit: Fit = 'center',
): AugmentationDraw {
  const { crop, affine, color, flip = 0 } = augmentation;
  const around = (spread: number): number => random.uniform(-spread, spread);
  const box = crop ? drawCrop(crop, width, height, random) : fittedBox(width, height, fit);
  const mirrored = flip > 0 && random.uniform() < flip;
  let matrix: AugmentationDraw['matrix'] = null;
  let shift: [number, number] = [0, 0];
  if (affine) {
    const radians = Math.PI / 180;
    const angle = around(affine.degrees) * radians;
    const scale = random.uniform(...affine.scale);
    const shear = Math.tan(around(affine.shear ?? 0) * radians);
    shift = [around(affine.translate), around(affine.translate)];
    // The inverse of (rotation x shear x scale): it maps an output pixel to its source.
    const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
    matrix = [cos + shear * sin, sin - shear * cos, -sin, cos];
  }
  const strength = (spread: number): number => Math.max(0, 1 + around(spread));
  return {
    box,
    flip: mirrored,
    matrix,
    shift,
    color: color
      ? {
          brightness: strength(color.brightness),
          contrast: strength(color.contrast),
          saturation: strength(color.saturation),
          hue: around(color.hue),
        }
      : null,
  };
}

function fittedBox(width: number, height: number, fit: Fit): Box {
  if (fit === 'whole') return { left: 0, top: 0, width, height };
  const side = Math.min(width, height);
  return { left: (width - side) / 2, top: (height - side) / 2, width: side, height: side };
}

/** torchvision's RandomResizedCrop.get_params without rounding to whole pixels. */
function drawCrop({ scale, ratio }: CropOptions, width: number, height: number, random: CounterRandom): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const [w, h] = [Math.sqrt(area * aspect), Math.sqrt(area / aspect)];
    if (w <= width && h <= height) {
      return { left: random.uniform(0, width - w), top: random.uniform(0, height - h), width: w, height: h };
    }
  }
  const aspect = Math.min(Math.max(width / height, ratio[0]), ratio[1]);
  const w = Math.min(width, height * aspect);
  const h = Math.min(height, width / aspect);
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h };
}
