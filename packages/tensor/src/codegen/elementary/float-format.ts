/** The two precisions in which elementary functions are computed, and what their algorithms need to know of them. */

export type Precision = 'f32' | 'f64';

interface FloatFormat {
  readonly mantissaBits: number;
  readonly exponentBias: number;
  readonly smallestNormal: number;
  /** ln 2 in two parts; multiples of the first by integers of up to 12 bits are exact. */
  readonly ln2: readonly [high: number, low: number];
}

export const floatFormats: Readonly<Record<Precision, FloatFormat>> = {
  f32: {
    mantissaBits: 23,
    exponentBias: 127,
    smallestNormal: 2 ** -126,
    ln2: [0.693145751953125, 1.428606765330187e-6],
  },
  f64: {
    mantissaBits: 52,
    exponentBias: 1023,
    smallestNormal: 2 ** -1022,
    ln2: [0.6931471804855391, 7.440617110012397e-11],
  },
};
