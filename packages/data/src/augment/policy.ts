/** Automatic augmentation: RandAugment (Cubuk et al. 2020), TrivialAugment (Müller and Hutter 2021) and random erasing (Zhong et al. 2020). */
import type { CounterRandom } from '../random.ts';
import type { Picture } from './policy-operations.ts';
import * as operations from './policy-operations.ts';

/** Which operations an image goes through. */
export type Policy =
  /** `operations` of them, each with the same magnitude: 0 changes nothing, 30 the most. torchvision's defaults are 2 and 9. */
  | { readonly kind: 'randaugment'; readonly operations: number; readonly magnitude: number }
  /** One of them, with a random magnitude from a wider range. */
  | { readonly kind: 'trivialaugment' };

/** A random rectangle that is filled with one color. */
export interface ErasingOptions {
  readonly probability: number;
  /** Smallest and largest area, as shares of the image. */
  readonly scale: readonly [number, number];
  /** Smallest and largest ratio of height to width. */
  readonly ratio: readonly [number, number];
}

type Fill = readonly number[];

/** An operation with its largest strength under each policy. The strength grows linearly with the magnitude, from 0. */
interface PolicyOperation {
  readonly name: string;
  /** Whether the strength is negative in half of all cases. */
  readonly signed: boolean;
  /** The largest strength; a function of the image's size where that matters. */
  strongest(policy: Policy['kind'], picture: Picture): number;
  apply(picture: Picture, strength: number, fill: Fill): void;
}

const limits =
  (randaugment: number, trivialaugment: number): PolicyOperation['strongest'] =>
  (policy) =>
    policy === 'randaugment' ? randaugment : trivialaugment;

/** A change of colors: factor 1 + strength. */
const colors = (name: string, apply: (picture: Picture, factor: number) => void): PolicyOperation => ({
  name,
  signed: true,
  strongest: limits(0.9, 0.99),
  apply: (picture, strength) => apply(picture, 1 + strength),
});

const mapped = (
  name: string,
  strongest: PolicyOperation['strongest'],
  map: (strength: number, width: number, height: number) => operations.AffineMap,
): PolicyOperation => ({
  name,
  signed: true,
  strongest,
  apply: (picture, strength, fill) => operations.transform(picture, map(strength, picture.width, picture.height), fill),
});

const unsigned = (
  name: string,
  strongest: PolicyOperation['strongest'],
  apply: (picture: Picture, strength: number) => void,
): PolicyOperation => ({ name, signed: false, strongest, apply });

/** torchvision's fourteen operations, in its order. */
export const policyOperations: readonly PolicyOperation[] = [
  unsigned('identity', limits(0, 0), () => undefined),
  mapped('shearX', limits(0.3, 0.99), operations.shearXMap),
  mapped('shearY', limits(0.3, 0.99), operations.shearYMap),
  mapped(
    'translateX',
    (policy, { width }) => (policy === 'randaugment' ? (150 / 331) * width : 32),
    operations.translateXMap,
  ),
  mapped(
    'translateY',
    (policy, { height }) => (policy === 'randaugment' ? (150 / 331) * height : 32),
    operations.translateYMap,
  ),
  mapped('rotate', limits(30, 135), operations.rotationMap),
  colors('brightness', operations.brightness),
  colors('color', operations.saturation),
  colors('contrast', operations.contrast),
  colors('sharpness', operations.sharpness),
  // The strength is the number of bits that are lost.
  unsigned('posterize', limits(4, 6), (picture, lost) =>
    operations.posterize(picture, 8 - operations.roundHalfEven(lost)),
  ),
  unsigned('solarize', limits(255, 255), (picture, strength) => operations.solarize(picture, 255 - strength)),
  unsigned('autoContrast', limits(0, 0), operations.autoContrast),
  unsigned('equalize', limits(0, 0), operations.equalize),
];

/** Magnitudes are 0 to 30. */
const strongestMagnitude = 30;

/** Changes an image in place as the policy decides. */
export function applyPolicy(picture: Picture, policy: Policy, fill: Fill, random: CounterRandom): void {
  const count = policy.kind === 'randaugment' ? policy.operations : 1;
  for (let k = 0; k < count; k++) {
    const operation = policyOperations[random.below(policyOperations.length)] as PolicyOperation;
    const magnitude = policy.kind === 'randaugment' ? policy.magnitude : random.below(strongestMagnitude + 1);
    const sign = operation.signed && random.uniform() < 0.5 ? -1 : 1;
    const strength = (operation.strongest(policy.kind, picture) * magnitude) / strongestMagnitude;
    operation.apply(picture, sign * strength, fill);
  }
}

/** Fills a random rectangle, with the probability of the options; torchvision's RandomErasing. */
export function erase(
  picture: Picture,
  { probability, scale, ratio }: ErasingOptions,
  fill: Fill,
  random: CounterRandom,
): void {
  if (random.uniform() >= probability) return;
  const { data, width, height } = picture;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const [h, w] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (h >= height || w >= width) continue;
    const top = random.below(height - h + 1);
    const left = random.below(width - w + 1);
    for (let y = top; y < top + h; y++) for (let x = left; x < left + w; x++) data.set(fill, (y * width + x) * 3);
    return;
  }
}
