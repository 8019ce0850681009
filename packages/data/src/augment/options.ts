import type { CounterRandom } from '../random.ts';

/** A random part of the image, as torchvision's RandomResizedCrop chooses it. */
export interface CropOptions {
  /** Least and largest share of the image's area. */
  scale: [number, number];
  /** Least and largest ratio of width to height. */
  ratio: [number, number];
}

/** A random rotation, shift and scaling about the image's centre. */
export interface AffineOptions {
  /** Largest rotation either way, in degrees. */
  degrees: number;
  /** Largest shift either way, as a share of the image's width and height. */
  translate: number;
  /** Least and largest scale; above 1 the image grows. */
  scale: [number, number];
  /** Largest shear either way, in degrees. */
  shear?: number;
}

/** How far colours may stray. Each factor is drawn from [1 - x, 1 + x]; hue from [-x, x] turns. As torchvision's ColorJitter. */
export interface ColorOptions {
  brightness: number;
  contrast: number;
  saturation: number;
  hue: number;
}

/** What happens to an image before it is trained on. All parts are optional; without any, the image is only resized. */
export interface Augmentation {
  crop?: CropOptions | null;
  affine?: AffineOptions | null;
  color?: ColorOptions | null;
  /** Chance of a mirror image. Default 0: text, arrows and clocks do not survive it. */
  flip?: number;
  /** How pixels between pixels are found when an affine part is there. Default bicubic. */
  interpolation?: 'bilinear' | 'bicubic';
  /** Colour of what lies outside the image, 0 to 255 each. Default white. */
  fill?: [number, number, number];
}

const clipCrop = { scale: [0.9, 1], ratio: [3 / 4, 4 / 3] } satisfies CropOptions;

/** Augmentations by name. */
export const augmentations = {
  /** What CLIP trains with. */
  clip: { crop: clipCrop },
  /** For small sets of drawings, whose held-out style differs in proportion and colour. */
  drawings: {
    affine: { degrees: 12, translate: 0.08, scale: [0.85, 1.1], shear: 5 },
    color: { brightness: 0.2, contrast: 0.2, saturation: 0.3, hue: 0.04 },
  },
  /** For small pictures of things that have no left and right. */
  flip: { affine: { degrees: 5, translate: 0.08, scale: [0.9, 1.1] }, flip: 0.5 },
} satisfies Record<string, Augmentation>;

/** A part of an image in its pixels, not rounded. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** One draw of everything that is random in an augmentation. */
export interface AugmentationDraw {
  box: Box;
  flip: boolean;
  /** Maps output offsets from the centre to offsets in the box, both in units of their half sizes. Null: straight. */
  matrix: [number, number, number, number] | null;
  /** Shift of the image's content, in shares of its size. */
  shift: [number, number];
  color: { brightness: number; contrast: number; saturation: number; hue: number } | null;
}

/** Draws an augmentation for an image of a size. The same stream and size always give the same draw. */
export function drawAugmentation(
  augmentation: Augmentation,
  width: number,
  height: number,
  random: CounterRandom,
): AugmentationDraw {
  const { crop, affine, color, flip = 0 } = augmentation;
  const around = (spread: number): number => random.uniform(-spread, spread);
  const box = crop ? drawCrop(crop, width, height, random) : centredSquare(width, height);
  const mirrored = flip > 0 && random.uniform() < flip;
  let matrix: AugmentationDraw['matrix'] = null;
  let shift: [number, number] = [0, 0];
  if (affine) {
    const radians = Math.PI / 180;
    const angle = around(affine.degrees) * radians;
    const scale = random.uniform(...affine.scale);
    const shear = Math.tan(around(affine.shear ?? 0) * radians);
    shift = [around(affine.translate), around(affine.translate)];
    // The inverse of (rotation x shear x scale): from where an output pixel comes.
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

function centredSquare(width: number, height: number): Box {
  const side = Math.min(width, height);
  return { left: (width - side) / 2, top: (height - side) / 2, width: side, height: side };
}

/** torchvision's RandomResizedCrop.get_params, without its rounding to whole pixels. */
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
