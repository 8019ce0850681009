/** The random values of mixup and CutMix: which of them a batch gets, with which share, and where the box is. */
import type { CounterRandom } from './random.ts';

/** How batches are mixed: the options and defaults of timm's `Mixup` in the mode `batch`, except that `mixupAlpha` has no default. */
export interface MixupOptions {
  /** Mixup draws the share from Beta(mixupAlpha, mixupAlpha) (Zhang et al. 2018); 0: no mixup. */
  readonly mixupAlpha: number;
  /** CutMix draws the share from Beta(cutmixAlpha, cutmixAlpha) (Yun et al. 2019); 0: no CutMix. Default 0. */
  readonly cutmixAlpha?: number;
  /** The smallest and largest side of CutMix's box, as shares of the image's: CutMix draws the sides instead of the share. Default: null. */
  readonly cutmixMinmax?: readonly [number, number] | null;
  /** The chance that a batch is mixed at all. Default 1. */
  readonly prob?: number;
  /** The chance of CutMix where a batch is mixed and both are possible. Default 0.5. */
  readonly switchProb?: number;
  /** Whether the share of CutMix is that of the box within the image, after it was cut off at the border. Default true. */
  readonly correctLam?: boolean;
}

/** A rectangle of whole pixels: rows from `top` to before `bottom`, columns from `left` to before `right`. */
export interface PixelBox {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** How a batch is mixed. Each image is mixed with its partner, that of the batch in reverse order. */
export interface MixupDraw {
  /** The share of an image's own target, from 0 to 1; that of its partner's target is 1 - lam. 1: the batch is not mixed. */
  readonly lam: number;
  /** CutMix: the part of the image that is its partner's. Null: all pixels are mixed, with the shares of the targets. */
  readonly box: PixelBox | null;
}

/** A batch that is not mixed. */
export const notMixed: MixupDraw = { lam: 1, box: null };

/**
 * Draws how a batch is mixed, as timm's `Mixup` does. The same stream always produces the same values.
 *
 * @throws RangeError where neither mixup nor CutMix is possible
 */
export function drawMixup(
  { mixupAlpha, cutmixAlpha = 0, cutmixMinmax = null, prob = 1, switchProb = 0.5, correctLam = true }: MixupOptions,
  { height, width }: { readonly height: number; readonly width: number },
  random: CounterRandom,
): MixupDraw {
  // As in timm: with limits for the sides, the share is not used.
  const ofCutmix = cutmixMinmax === null ? cutmixAlpha : 1;
  if (!(mixupAlpha > 0 || ofCutmix > 0))
    throw new RangeError('drawMixup: one of mixupAlpha, cutmixAlpha must be above 0, or cutmixMinmax be given');
  if (random.uniform() >= prob) return notMixed;
  const cuts = ofCutmix > 0 && (mixupAlpha === 0 || random.uniform() < switchProb);
  const lam = drawBeta(cuts ? ofCutmix : mixupAlpha, random);
  if (lam === 1) return notMixed;
  if (!cuts) return { lam, box: null };
  const box =
    cutmixMinmax === null ? squareBox(height, width, lam, random) : limitedBox(height, width, cutmixMinmax, random);
  const area = (box.bottom - box.top) * (box.right - box.left);
  return { lam: correctLam || cutmixMinmax !== null ? 1 - area / (height * width) : lam, box };
}

const clip = (value: number, largest: number): number => Math.min(Math.max(value, 0), largest);

/** A box of the share 1 - lam of the image, of the image's ratio, around a random pixel; what is outside of the image is cut off. */
function squareBox(height: number, width: number, lam: number, random: CounterRandom): PixelBox {
  const ratio = Math.sqrt(1 - lam);
  const [tall, wide] = [Math.floor(height * ratio), Math.floor(width * ratio)];
  const [y, x] = [random.below(height), random.below(width)];
  return {
    top: clip(y - Math.floor(tall / 2), height),
    bottom: clip(y + Math.floor((tall + 1) / 2), height),
    left: clip(x - Math.floor(wide / 2), width),
    right: clip(x + Math.floor((wide + 1) / 2), width),
  };
}

/** A box within the image whose sides are drawn between two shares of the image's. */
function limitedBox(
  height: number,
  width: number,
  [least, most]: readonly [number, number],
  random: CounterRandom,
): PixelBox {
  // The upper limit is not included, except where there is nothing else.
  const side = (whole: number): number => {
    const [from, to] = [Math.floor(whole * least), Math.floor(whole * most)];
    return from + random.below(Math.max(1, to - from));
  };
  const [tall, wide] = [side(height), side(width)];
  const [top, left] = [random.below(height - tall + 1), random.below(width - wide + 1)];
  return { top, bottom: top + tall, left, right: left + wide };
}

/** A number in (0, 1] with 53 random bits, whose logarithm is finite. */
const positiveUniform = (random: CounterRandom): number =>
  ((random.bits() >>> 5) * 2 ** 26 + (random.bits() >>> 6) + 1) / 2 ** 53;

/** A random number of the distribution Beta(alpha, alpha), alpha > 0, from 0 to 1. */
export function drawBeta(alpha: number, random: CounterRandom): number {
  const [first, second] = [logGamma(alpha, random), logGamma(alpha, random)];
  // Logarithms, because with a small alpha both numbers can be too small for a double.
  return 1 / (1 + Math.exp(second - first));
}

/** The logarithm of a random number of the distribution Gamma(alpha, 1) (Marsaglia and Tsang 2000). */
function logGamma(alpha: number, random: CounterRandom): number {
  // Gamma(a) is Gamma(a + 1) U^(1/a).
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(positiveUniform(random)) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    // A normal number (Box and Muller).
    const radius = Math.sqrt(-2 * Math.log(positiveUniform(random)));
    const x = radius * Math.cos(2 * Math.PI * positiveUniform(random));
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(positiveUniform(random)) < (x * x) / 2 + d * (1 - v + Math.log(v))) return Math.log(d * v);
  }
}
