/** Matrix products for tests: of all sizes, through all kinds of views, with epilogues. */
import type { DType } from '../../kernel/dtype.ts';
import type { ContractKernel, Program } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';
import { expandView, flipView, padView, permuteView, stridedView, type View, windowView } from '../../kernel/view.ts';
import {
  contiguous,
  contractKernel,
  randomNumbers,
  reachOf,
  type Sizes,
  storeProgram,
  strided,
} from '../wasm/products/contract.testing.ts';
import type { FilledBuffer } from './contract.testing.ts';

export interface Problem {
  readonly name: string;
  readonly kernel: ContractKernel;
  /** The dtypes of the operands, of the result (buffer 2, f32) and of the buffers that the epilogue uses. */
  readonly dtypes: readonly DType[];
}

/** The problem's buffers: random operands, and NaN where results are written. */
export function buffersOf({ kernel, dtypes }: Problem, seed: number): FilledBuffer[] {
  const random = randomNumbers(seed);
  const lengths = dtypes.map(() => 1);
  const reach = (buffer: number, view: View): void => {
    lengths[buffer] = Math.max(nth(lengths, buffer), reachOf(view));
  };
  reach(kernel.a.buffer, kernel.a.view);
  reach(kernel.b.buffer, kernel.b.view);
  for (const instruction of kernel.epilogue.instructions)
    if (instruction.op === 'load') reach(instruction.access.buffer, instruction.access.view);
  for (const { access } of kernel.epilogue.stores) reach(access.buffer, access.view);
  const written = new Set(kernel.epilogue.stores.map(({ access }) => access.buffer));
  return lengths.map((length, buffer) => ({
    dtype: nth(dtypes, buffer),
    values: Float32Array.from({ length }, () => (written.has(buffer) ? Number.NaN : random())),
  }));
}

/** Stores relu(accumulator + bias[n]) + residual[m, n], and the sum times an index, transposed. */
function longEpilogue({ batch, m, n }: Sizes): Program {
  const domain = [...batch, ...m, ...n];
  const columns = sizeOf(n);
  const bias = stridedView(domain, [...[...batch, ...m].map(() => 0), ...contiguous(n).strides]);
  const order = domain.map((_, axis) => axis).reverse();
  return {
    instructions: [
      { op: 'accumulator', dtype: 'f32' },
      { op: 'load', access: { buffer: 3, view: bias }, dtype: 'f32' },
      { op: 'binary', kind: 'add', a: 0, b: 1, dtype: 'f32' },
      { op: 'const', value: 0, dtype: 'f32' },
      { op: 'binary', kind: 'max', a: 2, b: 3, dtype: 'f32' },
      { op: 'load', access: { buffer: 4, view: contiguous(domain) }, dtype: 'f32' },
      { op: 'binary', kind: 'add', a: 4, b: 5, dtype: 'f32' },
      {
        op: 'index',
        coefficients: domain.map((_, axis) => (axis === domain.length - 1 ? 1 : 0)),
        offset: columns,
        dtype: 'i32',
      },
      { op: 'unary', kind: 'cast', source: 7, dtype: 'f32' },
      { op: 'binary', kind: 'mul', a: 0, b: 8, dtype: 'f32' },
    ],
    stores: [
      { value: 6, access: { buffer: 2, view: contiguous(domain) }, oncePerRow: false },
      { value: 9, access: { buffer: 5, view: strided(domain, order) }, oncePerRow: false },
    ],
  };
}

/** Sizes that are multiples of tiles, larger than those by one, and those that occur in models. */
const lengths = [1, 3, 4, 5, 16, 50, 64, 65, 77, 128, 197, 257];

/** A view over `shape` of a buffer with a random layout. */
function randomView(shape: Shape, random: () => number): View {
  const choose = (count: number): number => Math.floor((random() + 0.5) * count) % count;
  const rank = shape.length;
  const kind = choose(6);
  const plain = choose(2) === 0 ? contiguous(shape) : strided(shape, shape.map((_, axis) => axis).reverse());
  switch (kind) {
    case 0:
      return flipView(plain, [choose(rank)]);
    case 1: {
      // Zeros on both sides of an axis.
      const axis = choose(rank);
      if (nth(shape, axis) < 4) return plain;
      const inner = shape.map((size, k) => (k === axis ? size - 3 : size));
      const pad = (count: number): number[] => shape.map((_, k) => (k === axis ? count : 0));
      return padView(contiguous(inner), pad(1), pad(2));
    }
    case 2: {
      // A part of a larger matrix.
      const strides = [...contiguous(shape.map((size) => size + 3)).strides];
      return { ...plain, strides, offset: choose(7) };
    }
    case 3:
      return expandView(contiguous([1, ...shape.slice(1)]), shape);
    default:
      // Kinds 4 and 5.
      return plain;
  }
}

export function randomProblem(seed: number, mostProducts: number): Problem {
  const random = randomNumbers(seed);
  const choose = <T>(values: readonly T[]): T =>
    nth(values, Math.floor((random() + 0.5) * values.length) % values.length);
  let [batch, m, n, k] = [1, 1, 1, 1];
  do [batch, m, n, k] = [choose([1, 1, 2, 3]), choose(lengths), choose(lengths), choose(lengths)];
  while (batch * m * n * k > mostProducts);
  const sizes: Sizes = { batch: [batch], m: [m], n: [n], k: [k] };
  const dtypes = [choose<DType>(['f32', 'f32', 'f16', 'bf16']), choose<DType>(['f32', 'f32', 'f16', 'bf16'])];
  const [a, b] = [randomView([batch, m, k], random), randomView([batch, k, n], random)];
  const long = choose([true, false]);
  const kernel = contractKernel('f32', sizes, a, b, long ? longEpilogue(sizes) : undefined);
  return {
    name: `${batch} x ${m} x ${n} x ${k}, ${dtypes.join(' and ')}${long ? ', long epilogue' : ''}`,
    kernel,
    dtypes: [...dtypes, 'f32', ...(long ? (['f32', 'f32', 'f32'] as const) : [])],
  };
}

interface Convolution {
  readonly images: number;
  readonly channels: number;
  readonly size: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly channelsLast: boolean;
}

/** A convolution: rows are images and positions, columns are output channels, and the sum runs over the window and the channels. */
export function convolutionProblem(settings: Convolution): Problem {
  const { images, channels, size, outputs, kernel: width, stride, padding, channelsLast } = settings;
  const image = channelsLast
    ? permuteView(contiguous([images, size, size, channels]), [0, 3, 1, 2])
    : contiguous([images, channels, size, size]);
  const padded = padView(image, [0, 0, padding, padding], [0, 0, padding, padding]);
  const windows = windowView(padded, [
    { axis: 2, size: width, stride, dilation: 1 },
    { axis: 3, size: width, stride, dilation: 1 },
  ]);
  // [images, channels, height, width, window, window]
  const [high, wide] = [nth(windows.shape, 2), nth(windows.shape, 3)];
  const order = channelsLast ? [0, 2, 3, 4, 5, 1] : [0, 2, 3, 1, 4, 5];
  const a = permuteView(windows, order);
  const k = channelsLast ? [width, width, channels] : [channels, width, width];
  const weight = channelsLast
    ? permuteView(contiguous([outputs, width, width, channels]), [1, 2, 3, 0])
    : permuteView(contiguous([outputs, channels, width, width]), [1, 2, 3, 0]);
  const sizes: Sizes = { batch: [], m: [images, high, wide], n: [outputs], k };
  return {
    name: `convolution ${JSON.stringify(settings)}`,
    kernel: contractKernel('f32', sizes, a, weight, storeProgram('f32', 2, contiguous([images, high, wide, outputs]))),
    dtypes: ['f32', 'f32', 'f32'],
  };
}

/** Attention scores: the heads are next to each other in the rows of both operands. */
export function attentionProblem(heads: number, queries: number, keys: number, width: number): Problem {
  const rows = (count: number): View => permuteView(contiguous([2, count, heads, width]), [0, 2, 1, 3]);
  const keysTransposed = permuteView(rows(keys), [0, 1, 3, 2]);
  const sizes: Sizes = { batch: [2, heads], m: [queries], n: [keys], k: [width] };
  return {
    name: `attention of ${heads} heads, ${queries} x ${keys} x ${width}`,
    kernel: contractKernel('f32', sizes, rows(queries), keysTransposed),
    dtypes: ['f32', 'f32', 'f32'],
  };
}

/** Operands that are read in vectors. The flags transpose them, which decides whether vectors run along rows or along the sum. */
export function alignedProblem(dtype: DType, [first, second]: readonly [boolean, boolean]): Problem {
  const sizes: Sizes = { batch: [2], m: [68], n: [36], k: [28] };
  const matrix = (rows: number, columns: number, transposed: boolean): View =>
    strided([2, rows, columns], transposed ? [0, 2, 1] : [0, 1, 2]);
  return {
    name: `${dtype} in vectors${first ? ', the first transposed' : ''}${second ? ', the second transposed' : ''}`,
    kernel: contractKernel('f32', sizes, matrix(68, 28, first), matrix(28, 36, second)),
    dtypes: [dtype, dtype, 'f32'],
  };
}
