/**
 * WebAssembly code for the two passes of resizing. A weight k of 23 bits is split into k = high * 2^14 + low, both of which fit into 16
 * bits, so that one instruction multiplies and adds two pairs of bytes and weights: sums have the same bits as with whole weights.
 */
import type { FunctionBuilder, Local, ModuleBuilder } from '@tessera/tensor/wasm';
import { type Taps, weightBits } from './taps.ts';

const lowBits = 14;

/** The rows that the horizontal pass computes together. */
export const rowsAtOnce = 4;

/** The bytes that the vertical pass computes together. */
export const bytesAtOnce = 16;

/** 32-bit numbers for each output position: its place in the input, and the two halves of each pair of weights. */
const entryLength = (pairs: number): number => 1 + 2 * pairs;

/** Weights in the form that the code reads. */
export interface PackedTaps {
  readonly words: Int32Array;
  /** The number of pairs of weights of each output position. */
  readonly pairs: number;
}

/** @param unit the distance in bytes between input positions @param origin the position at which the input starts */
export function packTaps({ first, weights, count }: Taps, unit: number, origin: number, reverse: boolean): PackedTaps {
  const pairs = Math.ceil(count / 2);
  const size = first.length;
  const words = new Int32Array(size * entryLength(pairs));
  const low = (weight: number): number => weight & (2 ** lowBits - 1);
  for (let i = 0, at = 0; i < size; i++) {
    const from = reverse ? size - 1 - i : i;
    words[at++] = ((first[from] as number) - origin) * unit;
    for (let k = 0; k < count; k += 2) {
      const a = weights[from * count + k] as number;
      const b = k + 1 < count ? (weights[from * count + k + 1] as number) : 0;
      words[at++] = low(a) | (low(b) << 16);
      words[at++] = ((a >> lowBits) & 0xffff) | ((b >> lowBits) << 16);
    }
  }
  return { words, pairs };
}

/** A sum of products with both halves of the weights. */
interface Sum {
  readonly low: Local;
  readonly high: Local;
}

const sums = (f: FunctionBuilder, count: number): Sum[] =>
  Array.from({ length: count }, () => ({ low: f.local('v128'), high: f.local('v128') }));

const clear = (f: FunctionBuilder, all: readonly Sum[]): void => {
  for (const { low, high } of all) f.i32x4(0).tee(low).set(high);
};

/** Adds the products of the 16-bit numbers in `values` with the weights. */
function accumulate(f: FunctionBuilder, { low, high }: Sum, values: Local, weights: Sum): void {
  f.get(low).get(values).get(weights.low).op('i32x4.dot_i16x8_s').op('i32x4.add').set(low);
  f.get(high).get(values).get(weights.high).op('i32x4.dot_i16x8_s').op('i32x4.add').set(high);
}

/** Loads the pair of weights at an address into all lanes. */
function loadWeights(f: FunctionBuilder, at: Local, { low, high }: Sum): void {
  f.get(at).mem('v128.load32_splat', 0).set(low);
  f.get(at).mem('v128.load32_splat', 4).set(high);
}

/** Pushes a sum as a whole number, rounded. */
function pushRounded(f: FunctionBuilder, { low, high }: Sum): void {
  f.get(high).i32(lowBits).op('i32x4.shl').get(low).op('i32x4.add');
  f.get(f.constant('i32x4', 2 ** (weightBits - 1)))
    .op('i32x4.add')
    .i32(weightBits)
    .op('i32x4.shr_s');
}

/** Pushes four sums of four lanes as 16 bytes, clamped to [0, 255]. */
function pushBytes(f: FunctionBuilder, [a, b, c, d]: readonly [Sum, Sum, Sum, Sum]): void {
  pushRounded(f, a);
  pushRounded(f, b);
  f.op('i16x8.narrow_i32x4_s');
  pushRounded(f, c);
  pushRounded(f, d);
  f.op('i16x8.narrow_i32x4_s').op('i8x16.narrow_i16x8_u');
}

const fourSums = (f: FunctionBuilder): readonly [Sum, Sum, Sum, Sum] => sums(f, 4) as [Sum, Sum, Sum, Sum];

/**
 * Source rows of RGB to rows of `size` pixels, in groups of four. It reads up to six bytes beyond the last row, and writes one byte beyond
 * each row.
 */
function horizontalPass(module: ModuleBuilder): void {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  const f = module.function('horizontal', params);
  module.exportFunction('horizontal', f);
  const [source, stride, rows, target, targetStride, taps, size, pairs] = f.params;
  const [y, x, k, at] = f.locals('i32', 4) as [Local, Local, Local, Local];
  const from = f.locals('i32', rowsAtOnce) as [Local, Local, Local, Local];
  const values = f.local('v128');
  const weights = { low: f.local('v128'), high: f.local('v128') };
  const all = fourSums(f);
  // Two neighboring pixels to pairs of one channel: R R G G B B and nothing, 16 bits each.
  const pairsOfChannels = f.constant('i32x4', 0x80038000 | 0, 0x80048001 | 0, 0x80058002 | 0, 0x80808080 | 0);
  f.forLoop(y, 0, rows, rowsAtOnce, () => {
    f.get(taps).set(at);
    f.forLoop(x, 0, size, 1, () => {
      from.forEach((row, r) => {
        if (r === 0) f.get(at).mem('i32.load').get(source).op('i32.add').set(row);
        else
          f.get(from[r - 1] as Local)
            .get(stride)
            .op('i32.add')
            .set(row);
      });
      f.increment(at, 4);
      clear(f, all);
      f.forLoop(k, 0, pairs, 1, () => {
        loadWeights(f, at, weights);
        from.forEach((row, r) => {
          f.get(row).mem('v128.load64_zero', 0, 1).get(pairsOfChannels).op('i8x16.swizzle').set(values);
          accumulate(f, all[r] as Sum, values, weights);
          f.increment(row, 6);
        });
        f.increment(at, 8);
      });
      pushBytes(f, all);
      f.set(values);
      for (let r = 0; r < rowsAtOnce; r++) {
        f.get(target);
        for (let n = 0; n < r; n++) f.get(targetStride).op('i32.add');
        f.get(values).memLane('v128.store32_lane', r, 0, 1);
      }
      f.increment(target, 3);
    });
    f.get(source).get(stride).i32(2).op('i32.shl').op('i32.add').set(source);
    // `target` is at the end of its row.
    f.get(target).get(targetStride).i32(2).op('i32.shl').op('i32.add').get(size).i32(3).op('i32.mul').op('i32.sub');
    f.set(target);
  });
}

/** Rows to `rows` rows of the same number of bytes, which is a multiple of 16. It reads up to one row beyond the last. */
function verticalPass(module: ModuleBuilder): void {
  const f = module.function('vertical', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  module.exportFunction('vertical', f);
  const [source, stride, target, taps, rows, rowBytes, pairs] = f.params;
  const [y, x, k, at, from] = f.locals('i32', 5) as [Local, Local, Local, Local, Local];
  const [above, below, both, values] = f.locals('v128', 4) as [Local, Local, Local, Local];
  const weights = { low: f.local('v128'), high: f.local('v128') };
  const all = fourSums(f);
  const interleave = (half: number): number[] =>
    Array.from({ length: 16 }, (_, b) => 8 * half + (b >> 1) + 16 * (b & 1));
  f.forLoop(y, 0, rows, 1, () => {
    f.forLoop(x, 0, rowBytes, bytesAtOnce, () => {
      f.get(taps).mem('i32.load').get(source).op('i32.add').get(x).op('i32.add').set(from);
      f.get(taps).i32(4).op('i32.add').set(at);
      clear(f, all);
      f.forLoop(k, 0, pairs, 1, () => {
        loadWeights(f, at, weights);
        f.get(from).mem('v128.load', 0, 1).set(above);
        f.get(from).get(stride).op('i32.add').tee(from).mem('v128.load', 0, 1).set(below);
        f.increment(from, stride);
        all.forEach((sum, part) => {
          if (part % 2 === 0)
            f.get(above)
              .get(below)
              .shuffle(interleave(part >> 1))
              .set(both);
          f.get(both).op(part % 2 === 0 ? 'i16x8.extend_low_i8x16_u' : 'i16x8.extend_high_i8x16_u');
          f.set(values);
          accumulate(f, sum, values, weights);
        });
        f.increment(at, 8);
      });
      f.get(target).get(x).op('i32.add');
      pushBytes(f, all);
      f.mem('v128.store', 0, 1);
    });
    f.get(pairs).i32(3).op('i32.shl').i32(4).op('i32.add').get(taps).op('i32.add').set(taps);
    f.increment(target, rowBytes);
  });
}

/** Adds the functions `horizontal` and `vertical` to a module. */
export function addResampling(module: ModuleBuilder): void {
  horizontalPass(module);
  verticalPass(module);
}

/** The exported functions. Addresses and distances are in bytes. */
export interface Resampling {
  horizontal(
    source: number,
    stride: number,
    rows: number,
    target: number,
    targetStride: number,
    taps: number,
    size: number,
    pairs: number,
  ): void;
  vertical(
    source: number,
    stride: number,
    target: number,
    taps: number,
    rows: number,
    rowBytes: number,
    pairs: number,
  ): void;
}
