/**
 * Random computations for tests: a shrinking generator of small graphs with shared values, chains of views, all transposes, reductions,
 * contractions, several dtypes, and the sizes at which vector code has edge cases. A program is plain data, so that fast-check can
 * shrink and print it.
 */
import * as fc from 'fast-check';
import { compile } from '../compile.ts';
import { concat, einsum, tensor, where } from '../functions.ts';
import * as graph from '../graph/graph.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { realizeNodes } from '../runtime/realize.ts';
import { Tensor } from '../tensor.ts';

/** One step: an operation's name, the earlier values that it uses (modulo their number), and a number that selects a variant. */
interface Step {
  readonly op: keyof typeof operations;
  readonly from: number;
  readonly other: number;
  readonly choice: number;
}

export interface RandomProgram {
  readonly shapes: readonly (readonly number[])[];
  readonly steps: readonly Step[];
  readonly seed: number;
}

const pick = <T>(values: readonly T[], choice: number): T => nth(values, choice % values.length);

const largestSize = 20_000;

/** The distance to the nearest whole number, 0 to 1/2: continuous, although it is computed with `floor`. */
const distanceFromWhole = (a: Tensor): Tensor => {
  const fraction = a.sub(a.floor());
  return fraction.minimum(fraction.mul(-1).add(1));
};

/**
 * Each operation returns a new value, or null if it does not apply to the operands. All are continuous functions of their operands: at a
 * discontinuity of a comparison or a rounding, the oracle's doubles and a backend's floats may take different sides, and a correct result
 * would look wrong. So the result of such an operation is multiplied by something that is 0 there, or is equal on both sides.
 */
const operations = {
  unary: (a: Tensor, _b: Tensor, choice: number): Tensor =>
    pick(
      [
        () => a.neg(),
        () => a.mul(0.5).tanh(),
        () => a.mul(0.3).exp().clamp(0, 4),
        () => a.abs().add(0.5).sqrt(),
        () => a.abs().add(0.5).log(),
        () => a.square().add(1).reciprocal(),
        () => a.clamp(-8, 8).sin(),
        () => a.erf(),
        () => distanceFromWhole(a.clamp(-8, 8).mul(3)),
        () => a.mul(a.mul(1.702).sigmoid()),
      ],
      choice,
    )(),
  binary: (a: Tensor, b: Tensor, choice: number): Tensor | null => {
    const other = broadcastable(a, b) ? b : null;
    if (other === null) return null;
    return pick(
      [
        () => a.add(other),
        () => a.sub(other),
        () => a.mul(other).mul(0.5),
        () => a.maximum(other),
        () => a.div(other.abs().add(1)),
      ],
      choice,
    )();
  },
  compare: (a: Tensor, b: Tensor, choice: number): Tensor | null =>
    broadcastable(a, b)
      ? pick(
          [
            () => where(a.lt(b), b.sub(a), a.sub(b).mul(0.5)),
            () => where(a.ge(b), a.mul(2).sub(b), b),
            () => where(a.eq(b), b, a.abs()).add(where(a.eq(b), a.abs().sub(b), 0)),
          ],
          choice,
        )()
      : null,
  integers: (a: Tensor, _b: Tensor, choice: number): Tensor => {
    const scaled = a.clamp(-8, 8).mul(4);
    const whole = scaled.cast('i32');
    const result = pick(
      [whole.remainder(7), whole.floorDivide(3), whole.mul(3).bitAnd(15), whole.cast('u8'), whole.bitXor(5)],
      choice,
    );
    return result.cast('f32').mul(0.01).mul(distanceFromWhole(scaled));
  },
  permute: (a: Tensor, _b: Tensor, choice: number): Tensor => {
    const axes = a.shape.map((_, k) => k);
    const turn = choice % Math.max(1, a.ndim);
    return a.permute(...axes.slice(turn), ...axes.slice(0, turn));
  },
  reshape: (a: Tensor, _b: Tensor, choice: number): Tensor => {
    const n = a.size;
    const divisors = [1, 2, 3, 4, 5, 7].filter((d) => n % d === 0);
    const first = pick(divisors, choice);
    return pick(
      [
        () => a.flatten(),
        () => a.reshape([first, n / first]),
        () => a.reshape([n / first, first]),
        () => a.unsqueeze(choice % (a.ndim + 1)),
      ],
      choice >> 3,
    )();
  },
  pad: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0) return null;
    const axis = choice % a.ndim;
    const before = a.shape.map((_, k) => (k === axis ? (choice >> 2) % 3 : 0));
    const after = a.shape.map((_, k) => (k === axis ? (choice >> 4) % 3 : 0));
    return Tensor.fromNode(graph.pad(a.node, before, after));
  },
  slice: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0) return null;
    const axis = choice % a.ndim;
    const n = nth(a.shape, axis);
    return n < 2 ? null : a.slice(axis, choice % 2, n - ((choice >> 3) % 2));
  },
  flip: (a: Tensor, _b: Tensor, choice: number): Tensor | null => (a.ndim === 0 ? null : a.flip([choice % a.ndim])),
  expand: (a: Tensor, _b: Tensor, choice: number): Tensor => a.expand([(choice % 3) + 1, ...a.shape]),
  window: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    const axis = a.ndim === 0 ? 0 : choice % a.ndim;
    const n = a.shape[axis] ?? 0;
    const size = ((choice >> 2) % 3) + 1;
    const windows = [{ axis, size, stride: ((choice >> 4) % 2) + 1, dilation: ((choice >> 5) % 2) + 1 }];
    return n < 6 ? null : Tensor.fromNode(graph.window(a.node, windows));
  },
  fold: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    const axis = a.ndim === 0 ? 0 : choice % a.ndim;
    const n = a.shape[axis] ?? 0;
    if (n < 6) return null;
    const windows = [
      { axis, size: ((choice >> 2) % 3) + 1, stride: ((choice >> 4) % 3) + 1, dilation: ((choice >> 6) % 2) + 1 },
    ];
    const seen = graph.window(a.node, windows);
    return Tensor.fromNode(graph.fold(graph.unary('neg', seen), a.shape, windows));
  },
  reduce: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0 || a.size === 0) return null;
    const axis = choice % a.ndim;
    const keep = (choice >> 2) % 2 === 0;
    return pick(
      [() => a.sum(axis, keep).mul(0.2), () => a.mean(axis, keep), () => a.max(axis, keep), () => a.sum().mul(0.1)],
      choice >> 3,
    )();
  },
  softmax: (a: Tensor, _b: Tensor, choice: number): Tensor | null =>
    a.ndim === 0 || a.size === 0 ? null : a.softmax(choice % a.ndim),
  normalize: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0 || a.size === 0) return null;
    const axis = choice % a.ndim;
    const centered = a.sub(a.mean(axis, true));
    return centered.mul(centered.square().mean(axis, true).add(0.1).rsqrt());
  },
  contract: (a: Tensor, b: Tensor, choice: number): Tensor | null => {
    // One pair of axes of equal size is summed over; a second pair, if there is one, may be a batch axis.
    const pairs: [number, number][] = [];
    for (const [i, n] of a.shape.entries()) {
      const j = b.shape.findIndex((m, k) => m === n && !pairs.some(([, taken]) => taken === k));
      if (j >= 0) pairs.push([i, j]);
    }
    const summed = pairs[choice % Math.max(1, pairs.length)];
    if (summed === undefined || a.ndim + b.ndim > 6) return null;
    const batch = (choice >> 3) % 2 === 0 ? pairs.find((pair) => pair !== summed) : undefined;
    const aLabels = a.shape.map((_, k) => k);
    const bLabels = b.shape.map((_, k) =>
      k === summed[1] ? summed[0] : batch !== undefined && k === batch[1] ? batch[0] : 10 + k,
    );
    const free = [...aLabels.filter((l) => l !== summed[0]), ...bLabels.filter((l) => l >= 10)];
    const turn = (choice >> 4) % Math.max(1, free.length);
    const out = [...free.slice(turn), ...free.slice(0, turn)];
    const letters = (labels: readonly number[]): string => labels.map((l) => String.fromCharCode(97 + l)).join('');
    const result = einsum(`${letters(aLabels)},${letters(bLabels)}->${letters(out)}`, a, b);
    return result.size > largestSize ? null : result.mul(0.2);
  },
  gather: (a: Tensor, _b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0 || a.size === 0) return null;
    const axis = choice % a.ndim;
    const rows = nth(a.shape, axis);
    const index = tensor(Int32Array.from({ length: 5 }, (_, k) => (k * 7 + choice) % rows));
    const taken = graph.gather(a.node, index.node, axis);
    return Tensor.fromNode((choice >> 3) % 2 === 0 ? taken : graph.scatterAdd(taken, index.node, axis, rows));
  },
  concat: (a: Tensor, b: Tensor, choice: number): Tensor | null => {
    if (a.ndim === 0) return null;
    const axis = choice % a.ndim;
    const fits = b.ndim === a.ndim && b.shape.every((n, k) => k === axis || n === a.shape[k]);
    return concat([a, fits ? b : a.mul(0.5), a.neg()], axis);
  },
  dropout: (a: Tensor, _b: Tensor, choice: number): Tensor => {
    const key = tensor(Int32Array.of(7, 1));
    const bits = Tensor.fromNode(graph.random(key.node, choice, a.shape));
    return where(bits.shiftRight(8).lt(1 << 23), a, 0);
  },
  materialize: (a: Tensor): Tensor => a.contiguous(),
} satisfies Record<string, (a: Tensor, b: Tensor, choice: number) => Tensor | null>;

function broadcastable(a: Tensor, b: Tensor): boolean {
  const rank = Math.max(a.ndim, b.ndim);
  let size = 1;
  for (let k = 1; k <= rank; k++) {
    const x = a.shape[a.ndim - k] ?? 1;
    const y = b.shape[b.ndim - k] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return false;
    size *= x === 1 ? y : x;
  }
  return size <= largestSize;
}

const sizes = fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 50, 77);
const shape = fc.array(sizes, { minLength: 0, maxLength: 4 }).filter((s) => sizeOf(s) <= 4000);

export const randomProgram: fc.Arbitrary<RandomProgram> = fc.record({
  shapes: fc.array(shape, { minLength: 1, maxLength: 3 }),
  steps: fc.array(
    fc.record({
      op: fc.constantFrom(...(Object.keys(operations) as (keyof typeof operations)[])),
      from: fc.nat(30),
      other: fc.nat(30),
      choice: fc.nat(1023),
    }),
    { minLength: 1, maxLength: 14 },
  ),
  seed: fc.integer({ min: 1, max: 1 << 30 }),
});

/** The values of the program's leaves: the same numbers on every backend. */
function leavesOf({ shapes, seed }: RandomProgram): Float32Array[] {
  let state = seed;
  return shapes.map((s) =>
    Float32Array.from({ length: sizeOf(s) }, () => {
      state = (state * 48271) % 2147483647;
      return (state / 2147483647) * 2 - 1;
    }),
  );
}

/** The program's results, computed from `leaves` (tensors of the program's shapes): the last of the values that no step used. */
export function buildProgram({ steps }: RandomProgram, leaves: readonly Tensor[]): Tensor[] {
  const values = [...leaves];
  const used = new Set<Tensor>();
  for (const { op, from, other, choice } of steps) {
    const a = pick(values, from);
    const b = pick(values, other);
    const result = operations[op](a, b, choice);
    if (result === null || result.size > largestSize || result.ndim > 6) continue;
    used.add(a);
    values.push(result);
  }
  const results = values.slice(leaves.length).filter((value) => !used.has(value));
  return results.length === 0 ? [nth(values, 0).mul(2)] : results.slice(-4);
}

/** The program's leaves on the default backend. */
export const leafTensors = (program: RandomProgram): Tensor[] =>
  leavesOf(program).map((data, k) => tensor(data, { shape: nth(program.shapes, k) }));

/** The program's results on an open backend, which becomes the default one. */
export async function runEagerly(program: RandomProgram, backend: string): Promise<ArrayLike<number>[]> {
  setDefaultBackend(backend);
  const results = buildProgram(program, leafTensors(program));
  await realizeNodes(results.map(({ node }) => node));
  return Promise.all(results.map((result) => result.data()));
}

/**
 * The program's results in the second run of a compiled step, whose first run had other leaves: they must not depend on memory contents
 * from the first run.
 */
export async function runReplayed(program: RandomProgram, backend: string): Promise<ArrayLike<number>[]> {
  setDefaultBackend(backend);
  const step = compile((...leaves: Tensor[]) => buildProgram(program, leaves));
  await step(...leafTensors(program).map((leaf) => leaf.mul(3).add(1)));
  const results = await step(...leafTensors(program));
  const values = await Promise.all(results.map((result) => result.data()));
  step.dispose();
  return values;
}

/** The largest difference, relative to the larger of 1 and the expected magnitude; infinite where only one of two values is NaN. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = nth(actual, i);
    const b = nth(expected, i);
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)) || a === b) continue;
    const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  return worst;
}
