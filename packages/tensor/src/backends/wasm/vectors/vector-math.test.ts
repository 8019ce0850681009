import { beforeAll, describe, expect, it } from 'vitest';
import { type ElementaryName, elementaryNames } from '../../../codegen/elementary/index.ts';
import { erfc } from '../../../kernel/erf.ts';
import { nth } from '../../../kernel/nth.ts';
import { ModuleBuilder } from '../emit/module-builder.ts';
import { relaxedSimdSettings } from '../loops/loop.testing.ts';
import { type FloatVector, VectorCode } from './vector-code.ts';
import { elementary } from './vector-math.ts';

/** Applies a function to every element; lengths are multiples of a vector's. */
type Apply = (name: ElementaryName, type: FloatVector, x: ArrayLike<number>) => number[];

function compile(relaxedSimd: boolean): Apply {
  const module = new ModuleBuilder('math');
  module.importMemory('env', 'memory', 64, 64);
  for (const type of ['f32x4', 'f64x2'] as const)
    for (const name of elementaryNames) {
      const fn = module.function(`${name} ${type}`, ['i32', 'i32']);
      const [address, end] = fn.params;
      const code = new VectorCode(fn, { relaxedSimd, wideTiles: false });
      fn.forLoop(fn.local('i32'), address, end, 16, () => {
        fn.get(address).mem('v128.load');
        const y = elementary(code, name, type, code.take());
        fn.get(address).get(y).mem('v128.store').increment(address, 16);
      });
      module.exportFunction(`${name} ${type}`, fn);
    }
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  return (name, type, x) => {
    const Type = type === 'f32x4' ? Float32Array : Float64Array;
    const lanes = type === 'f32x4' ? 4 : 2;
    const view = new Type(memory.buffer, 0, Math.ceil(x.length / lanes) * lanes).fill(0);
    view.set(x);
    // A loop of the test's own: `end` counts from the address that moves.
    (exports[`${name} ${type}`] as (from: number, to: number) => void)(0, view.byteLength);
    return Array.from(view.subarray(0, x.length));
  };
}

// Exact references: fixed-point numbers of 320 fraction bits.

const fractionBits = 320n;
const one = 1n << fractionBits;
const multiply = (a: bigint, b: bigint): bigint => (a * b) >> fractionBits;

/** A double as a fixed-point number, exact for all that are not tiny. */
function fixed(x: number): bigint {
  if (x === 0) return 0n;
  const exponent = Math.floor(Math.log2(Math.abs(x))) - 60;
  const scaled = BigInt(Math.round((x / 2 ** (exponent + 30)) * 2 ** 30));
  const shift = fractionBits + BigInt(exponent);
  return shift >= 0n ? scaled << shift : scaled >> -shift;
}

/** The double nearest to a fixed-point number, to within 2^-60. */
function toNumber(value: bigint): number {
  const negative = value < 0n;
  const magnitude = negative ? -value : value;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 64));
  const result = Number(magnitude >> drop) * 2 ** (Number(drop) - Number(fractionBits));
  return negative ? -result : result;
}

/** An exact value as a double and what the double leaves over. */
interface Exact {
  readonly value: number;
  readonly rest: number;
}

const exactly = (value: number): Exact => ({ value, rest: 0 });

/** scale * value. */
function toExact(value: bigint, scale = 1): Exact {
  const nearest = toNumber(value);
  return { value: nearest * scale, rest: toNumber(value - fixed(nearest)) * scale };
}

function series(first: bigint, next: (term: bigint, k: bigint) => bigint, weight: (k: bigint) => bigint): bigint {
  let sum = 0n;
  let term = first;
  for (let k = 0n; term !== 0n && term !== -1n; k++) {
    sum += term / weight(k);
    term = next(term, k);
  }
  return sum;
}

const expFixed = (x: bigint): bigint =>
  series(
    one,
    (term, k) => multiply(term, x) / (k + 1n),
    () => 1n,
  );

const erfFixed = (x: bigint): bigint =>
  series(
    x,
    (term, k) => -multiply(multiply(term, x), x) / (k + 1n),
    (k) => 2n * k + 1n,
  );

const sinFixed = (x: bigint): bigint =>
  series(
    x,
    (term, k) => -multiply(multiply(term, x), x) / ((2n * k + 2n) * (2n * k + 3n)),
    () => 1n,
  );

const atanhFixed = (s: bigint): bigint =>
  series(
    s,
    (term) => multiply(multiply(term, s), s),
    (k) => 2n * k + 1n,
  );

const ln2Fixed = 2n * atanhFixed(one / 3n);
/** log(8) + log(5/4). */
const ln10Fixed = 3n * ln2Fixed + 2n * atanhFixed(one / 9n);

const quotient = (a: bigint, b: bigint): bigint => (a << fractionBits) / b;

/** log(2^n m) for m near 1. */
const logFixed = (m: bigint, n: number): bigint => 2n * atanhFixed(quotient(m - one, m + one)) + BigInt(n) * ln2Fixed;

/** The logarithm of a positive double, also of a denormal one. */
function logOfDouble(x: number): bigint {
  const n = Math.floor(Math.log2(x));
  return logFixed(fixed(x / 2 ** Math.floor(n / 2) / 2 ** (n - Math.floor(n / 2))), n);
}

/** atan(x) = 4 atan(y), where y is made by halving the angle twice. */
function atanFixed(x: bigint): bigint {
  const half = (z: bigint): bigint => quotient(z, one + sqrtFixed(one + multiply(z, z)));
  const y = half(half(x));
  return (
    4n *
    series(
      y,
      (term) => -multiply(multiply(term, y), y),
      (k) => 2n * k + 1n,
    )
  );
}

function arctangentOfInverse(n: bigint): bigint {
  return series(
    one / n,
    (term) => -term / (n * n),
    (k) => 2n * k + 1n,
  );
}

/** Machin's formula. */
const piFixed = 4n * (4n * arctangentOfInverse(5n) - arctangentOfInverse(239n));

const twoOverSqrtPi = (2n * one * one) / sqrtFixed(piFixed);

function sqrtFixed(x: bigint): bigint {
  const square = x << fractionBits;
  let root = 1n << BigInt(Math.ceil(square.toString(2).length / 2));
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The distance between neighbours at `y`. */
function unitInLastPlace(type: FloatVector, y: number): number {
  const [bits, lowest] = type === 'f32x4' ? [23, -149] : [52, -1074];
  if (y === 0 || Math.abs(y) < 2 ** (lowest + bits)) return 2 ** lowest;
  return 2 ** (Math.floor(Math.log2(Math.abs(y))) - bits);
}

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What is tested of a function. */
interface Accuracy {
  readonly exact: (x: number) => Exact;
  /** Where it is of interest: tested uniformly in the range and, in magnitude, uniformly in the logarithm. */
  readonly ranges: Readonly<Record<FloatVector, readonly [low: number, high: number]>>;
  /** Defined only above this. */
  readonly above?: number;
  /** In single precision, the largest magnitude for which the bound holds. */
  readonly largest?: number;
  /** Largest accepted error in units in the last place. */
  readonly bounds: Readonly<Record<FloatVector, number>>;
  /** Where single precision has its largest errors, of all numbers; with products and sums fused, and not. */
  readonly farthest: readonly number[];
  /** The function to compare singles with; by default the same function in double precision, which is tested on its own. */
  readonly double?: (x: number) => number;
  /** At 0, -0, infinity, -infinity, NaN, the smallest denormal `tiny` and its negative; and, not to the last bit, at 1. */
  readonly special: (tiny: number) => readonly number[];
}

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const both = (low: number, high: number): Accuracy['ranges'] => ({ f32x4: [low, high], f64x2: [low, high] });

const accuracy: Readonly<Record<ElementaryName, Accuracy>> = {
  exp: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(1);
      const n = Math.round(x * Math.LOG2E);
      const { value, rest } = toExact(expFixed(fixed(x) - BigInt(n) * ln2Fixed), 2 ** Math.floor(n / 2));
      // In two steps: 2^n itself may not be a double.
      const other = 2 ** (n - Math.floor(n / 2));
      return { value: value * other, rest: rest * other };
    },
    ranges: { f32x4: [-104, 88.7], f64x2: [-745, 709.7] },
    bounds: { f32x4: 1.51, f64x2: 1.5 },
    farthest: [54.7493553, -75.5602188, 54.7461967, -32.577919],
    double: Math.exp,
    special: () => [1, 1, inf, 0, nan, 1, 1, Math.E],
  },
  log: {
    exact(x) {
      return toExact(logOfDouble(x));
    },
    ranges: both(0, 10),
    above: 0,
    bounds: { f32x4: 0.87, f64x2: 0.9 },
    farthest: [1.40545952, 1.41331851, 0.704676211],
    double: Math.log,
    special: (tiny) => [-inf, -inf, inf, nan, nan, Math.log(tiny), nan, 0],
  },
  sin: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(x);
      const period = 2n * piFixed;
      return toExact(sinFixed(((fixed(x) % period) + period) % period));
    },
    ranges: both(-1e6, 1e6),
    largest: 1e6,
    bounds: { f32x4: 0.501, f64x2: 2.5 },
    farthest: [0.249605447],
    double: Math.sin,
    special: (tiny) => [0, 0, nan, nan, nan, tiny, -tiny, Math.sin(1)],
  },
  cos: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(1);
      const period = 2n * piFixed;
      return toExact(sinFixed((((fixed(x) + piFixed / 2n) % period) + period) % period));
    },
    ranges: both(-1e6, 1e6),
    largest: 1e6,
    bounds: { f32x4: 0.501, f64x2: 2.5 },
    farthest: [0.249605447],
    double: Math.cos,
    special: () => [1, 1, nan, nan, nan, 1, 1, Math.cos(1)],
  },
  tanh: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(x);
      const e = expFixed(2n * fixed(x));
      return toExact(((e - one) << fractionBits) / (e + one));
    },
    ranges: { f32x4: [-10, 10], f64x2: [-20, 20] },
    bounds: { f32x4: 1.97, f64x2: 2.3 },
    farthest: [0.221506253, 0.202883109, 0.204071209, 0.205344409],
    double: Math.tanh,
    special: (tiny) => [0, -0, 1, -1, nan, tiny, -tiny, Math.tanh(1)],
  },
  erf: {
    exact(x) {
      if (Math.abs(x) < 1e-20) {
        const scale = 2 ** Math.floor(Math.log2(Math.abs(x)));
        return toExact(multiply(fixed(x / scale), twoOverSqrtPi), scale);
      }
      if (Math.abs(x) > 7) return exactly(Math.sign(x));
      return toExact(((2n * erfFixed(fixed(x))) << fractionBits) / sqrtFixed(piFixed));
    },
    ranges: { f32x4: [-4.5, 4.5], f64x2: [-6.5, 6.5] },
    bounds: { f32x4: 1.33, f64x2: 1.3 },
    farthest: [1.03796947, 1.03953183, 1.05960357, 0.996784985],
    special: (tiny) => [0, -0, 1, -1, nan, tiny, -tiny, 0.8427007929497149],
  },
  erfc: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(1);
      return toExact(one - quotient(2n * erfFixed(fixed(x)), sqrtFixed(piFixed)));
    },
    ranges: { f32x4: [-4, 10], f64x2: [-6, 12] },
    bounds: { f32x4: 1.05, f64x2: 4.2 },
    farthest: [7.0081172],
    double: erfc,
    special: () => [1, 1, 0, 2, nan, 1, 1, 0.15729920705028513],
  },
  expm1: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(x);
      const n = Math.round(x * Math.LOG2E);
      const e = expFixed(fixed(x) - BigInt(n) * ln2Fixed);
      return toExact((n < 0 ? e >> BigInt(-n) : e << BigInt(n)) - one);
    },
    ranges: { f32x4: [-20, 88.7], f64x2: [-40, 709.7] },
    bounds: { f32x4: 1.75, f64x2: 1.9 },
    farthest: [0.346006066, 0.344480067],
    double: Math.expm1,
    special: (tiny) => [0, -0, inf, -1, nan, tiny, -tiny, Math.E - 1],
  },
  exp2: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(1);
      const n = Math.round(x);
      const { value, rest } = toExact(expFixed(multiply(fixed(x - n), ln2Fixed)), 2 ** Math.floor(n / 2));
      const other = 2 ** (n - Math.floor(n / 2));
      return { value: value * other, rest: rest * other };
    },
    ranges: { f32x4: [-149, 127.99], f64x2: [-1074, 1023.99] },
    bounds: { f32x4: 1.3, f64x2: 1.5 },
    farthest: [-13.4982929, 13.5006866],
    special: () => [1, 1, inf, 0, nan, 1, 1, 2],
  },
  log1p: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(x);
      const n = Math.floor(Math.log2(1 + x));
      const u = one + fixed(x);
      return toExact(logFixed(n < 0 ? u << BigInt(-n) : u >> BigInt(n), n));
    },
    ranges: both(-1, 10),
    above: -1,
    bounds: { f32x4: 1.5, f64x2: 1.6 },
    farthest: [0.468085915, 0.427856416],
    double: Math.log1p,
    special: (tiny) => [0, -0, inf, nan, nan, tiny, -tiny, Math.LN2],
  },
  log2: {
    exact: (x) => toExact(quotient(logOfDouble(x), ln2Fixed)),
    ranges: both(0, 10),
    above: 0,
    bounds: { f32x4: 2.0, f64x2: 2.0 },
    farthest: [1.39672601],
    double: Math.log2,
    special: (tiny) => [-inf, -inf, inf, nan, nan, Math.log2(tiny), nan, 0],
  },
  log10: {
    exact: (x) => toExact(quotient(logOfDouble(x), ln10Fixed)),
    ranges: both(0, 10),
    above: 0,
    bounds: { f32x4: 1.9, f64x2: 2.0 },
    farthest: [1.28802109],
    double: Math.log10,
    special: (tiny) => [-inf, -inf, inf, nan, nan, Math.log10(tiny), nan, 0],
  },
  atan: {
    exact(x) {
      if (Math.abs(x) < 1e-20) return exactly(x);
      return toExact(atanFixed(fixed(x)));
    },
    ranges: both(-10, 10),
    bounds: { f32x4: 2.05, f64x2: 3.0 },
    farthest: [0.987131953, 1.02462184],
    double: Math.atan,
    special: (tiny) => [0, -0, Math.PI / 2, -Math.PI / 2, nan, tiny, -tiny, Math.PI / 4],
  },
};

function samples(name: ElementaryName, type: FloatVector, count: number, next: () => number): number[] {
  const { ranges, above } = accuracy[name];
  const positive = above === 0;
  const [low, high] = ranges[type];
  const smallest = type === 'f32x4' ? -149 : -1074;
  const x = Array.from({ length: count }, (_, k) => {
    if (k % 4 !== 0) return low + (high - low) * next();
    const largest = positive ? (type === 'f32x4' ? 127 : 1023) : Math.log2(Math.min(high, -low));
    const magnitude = 2 ** (smallest + (largest - smallest) * next());
    return positive || next() < 0.5 ? magnitude : -magnitude;
  });
  return type === 'f32x4' ? Array.from(new Float32Array(x)) : x;
}

function largestError(
  apply: Apply,
  name: ElementaryName,
  type: FloatVector,
  count: number,
  seed: number,
): { ulps: number; at: number } {
  const x = samples(name, type, count, random(seed)).filter((v) => v > (accuracy[name].above ?? -inf));
  const y = apply(name, type, x);
  let worst = { ulps: 0, at: Number.NaN };
  x.forEach((v, k) => {
    const { value, rest } = accuracy[name].exact(v);
    // Where the truth rounds to infinity, so must the result.
    if (nth(y, k) === (type === 'f32x4' ? Math.fround(value) : value) && !Number.isFinite(y[k])) return;
    const ulps = Math.abs(nth(y, k) - value - rest) / unitInLastPlace(type, value);
    if (!(ulps <= worst.ulps)) worst = { ulps, at: v };
  });
  return worst;
}

/** One in so many of all single-precision numbers: prime, so that the last bits vary. */
const stride = 4099;

/** Every `stride`-th positive number from the smallest on, and its negative, as long as the function is defined there. */
function sampleOfSingles(name: ElementaryName): Float32Array {
  const { largest = inf, above = -inf } = accuracy[name];
  const positive = new Float32Array(
    Uint32Array.from({ length: Math.ceil(0x7f800000 / stride) }, (_, k) => 1 + k * stride).buffer,
  );
  const defined = positive.filter((x) => x <= largest);
  return Float32Array.from([...defined, ...defined.map((x) => -x)]).filter((x) => x > above);
}

/** Doubles to compare singles with. */
function reference(apply: Apply, name: ElementaryName, x: Float32Array): number[] {
  const { double } = accuracy[name];
  return double === undefined ? applyInPieces(apply, name, 'f64x2', x) : Array.from(x, double);
}

function applyInPieces(apply: Apply, name: ElementaryName, type: FloatVector, x: Float32Array): number[] {
  const piece = 1 << 18;
  return Array.from({ length: Math.ceil(x.length / piece) }, (_, k) =>
    apply(name, type, x.subarray(k * piece, (k + 1) * piece)),
  ).flat();
}

describe.each(relaxedSimdSettings)('relaxed SIMD %s', (relaxedSimd) => {
  let apply: Apply;
  beforeAll(() => {
    apply = compile(relaxedSimd);
  });
  describe.each(['f32x4', 'f64x2'] as const)('%s', (type) => {
    it.each(elementaryNames)('%s is right to the last places', (name) => {
      const seed = Date.now() >>> 0;
      const { ulps, at } = largestError(apply, name, type, type === 'f32x4' ? 8000 : 4000, seed);
      console.info(
        `${name} ${type} fma ${relaxedSimd}: ${ulps.toFixed(2)} units in the last place at ${at} (seed ${seed})`,
      );
      expect(ulps, `at ${at}, seed ${seed}`).toBeLessThan(accuracy[name].bounds[type]);
    });

    if (type === 'f32x4')
      it.each(elementaryNames)('%s is within its bound over the whole range, and where it is farthest off', (name) => {
        const x = Float32Array.from([...sampleOfSingles(name), ...accuracy[name].farthest]);
        const y = applyInPieces(apply, name, type, x);
        const truth = reference(apply, name, x);
        let worst = { ulps: 0, at: Number.NaN };
        truth.forEach((value, k) => {
          // Results that overflow must be infinite.
          const overflow = !Number.isFinite(Math.fround(value));
          const ulps = overflow
            ? nth(y, k) === Math.fround(value)
              ? 0
              : Number.POSITIVE_INFINITY
            : Math.abs(nth(y, k) - value) / unitInLastPlace(type, value);
          if (!(ulps <= worst.ulps)) worst = { ulps, at: nth(x, k) };
        });
        console.info(
          `${name} ${type} fma ${relaxedSimd}: ${worst.ulps.toFixed(3)} units in the last place at ${worst.at}`,
        );
        expect(worst.ulps, `at ${worst.at}`).toBeLessThan(accuracy[name].bounds[type]);
      });

    it('handles the special values', () => {
      const tiny = type === 'f32x4' ? 2 ** -149 : Number.MIN_VALUE;
      const x = [0, -0, inf, -inf, nan, tiny, -tiny, 1];
      const round = type === 'f32x4' ? Math.fround : (v: number) => v;
      for (const name of elementaryNames) {
        const y = apply(name, type, x);
        const expected = accuracy[name].special(tiny);
        for (let k = 0; k < 7; k++) expect(nth(y, k), `${name}(${nth(x, k)})`).toBe(round(nth(expected, k)));
        expect(Math.abs(nth(y, 7) - nth(expected, 7))).toBeLessThan(2 * unitInLastPlace(type, nth(expected, 7)));
      }
    });

    it('exp ends in 0 and infinity where it must', () => {
      const [low, high] = type === 'f32x4' ? [-103.9721, 88.72284] : [-745.1332191019412, 709.782712893384];
      const y = apply('exp', type, [
        low * (1 + 1e-6),
        -1e30,
        high * (1 + 1e-6),
        1e30,
        low * (1 - 1e-6),
        high * (1 - 1e-6),
      ]);
      expect(y.slice(0, 4)).toEqual([0, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
      expect(nth(y, 4)).toBeGreaterThan(0);
      expect(nth(y, 5)).toBeLessThan(Number.POSITIVE_INFINITY);
    });
  });
});
