import { describe, expect, test } from 'vitest';
import type { Access, ContractKernel, Instruction, Kernel, LoopKernel } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import type { Plan } from '../kernel/plan.ts';
import { contiguousView, padView, permuteView, stridedView, type View } from '../kernel/view.ts';
import { runKernel } from './interpret-kernels.ts';
import { ReferenceBackend } from './reference/backend.ts';

const access = (buffer: number, view: View): Access => ({ buffer, view });
const load = (buffer: number, view: View): Instruction => ({ op: 'load', access: access(buffer, view), dtype: 'f32' });
const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

const loop = (
  domain: number[],
  instructions: Instruction[],
  stores: [value: number, access: Access, oncePerRow?: boolean][],
  reduced = domain.map(() => false),
): LoopKernel => ({
  kind: 'loop',
  name: 'test',
  domain,
  reduced,
  program: {
    instructions,
    stores: stores.map(([value, to, oncePerRow = false]) => ({ value, access: to, oncePerRow })),
  },
});

describe('loop kernels', () => {
  const square = contiguousView([2, 3]);

  test('load and store through views; elements outside a guard are 0', () => {
    const out = new Float32Array(8);
    const padded = padView(contiguousView([2, 3]), [0, 1], [0, 0]);
    const transposed = permuteView(contiguousView([4, 2]), [1, 0]);
    runKernel(loop([2, 4], [load(0, padded)], [[0, access(1, transposed)]]), [f32(1, 2, 3, 4, 5, 6), out]);
    expect([...out]).toEqual([0, 0, 1, 4, 2, 5, 3, 6]);
  });

  test('a row: reductions, values computed from them, and one value a row', () => {
    // x - max(x), and the sum of that.
    const perRow = stridedView([2, 3], [1, 0]);
    const buffers = [f32(1, 5, 2, 7, 6, 0), new Float32Array(6), new Float32Array(2)];
    const kernel = loop(
      [2, 3],
      [
        load(0, square),
        { op: 'reduce', kind: 'max', source: 0, dtype: 'f32' },
        { op: 'unary', kind: 'neg', source: 1, dtype: 'f32' },
        { op: 'binary', kind: 'add', a: 0, b: 2, dtype: 'f32' },
        { op: 'reduce', kind: 'sum', source: 3, dtype: 'f32' },
      ],
      [
        [3, access(1, square)],
        [4, access(2, perRow), true],
      ],
      [false, true],
    );
    runKernel(kernel, buffers);
    expect([...nth(buffers, 1)]).toEqual([-4, 0, -3, 0, -1, -7]);
    expect([...nth(buffers, 2)]).toEqual([-7, -8]);
  });

  test('a row is read before it is written', () => {
    const buffers = [f32(1, 2, 3, 4, 5, 6)];
    const kernel = loop(
      [2, 3],
      [load(0, square), { op: 'reduce', kind: 'sum', source: 0, dtype: 'f32' }],
      [[1, access(0, square)]],
      [false, true],
    );
    runKernel(kernel, buffers);
    expect([...nth(buffers, 0)]).toEqual([6, 6, 6, 15, 15, 15]);
  });

  test('index, const, where, and integers that wrap around', () => {
    const out = new Int32Array(4);
    const kernel = loop(
      [4],
      [
        { op: 'index', coefficients: [2], offset: -1, dtype: 'i32' },
        { op: 'const', value: 2, dtype: 'i32' },
        { op: 'binary', kind: 'lt', a: 0, b: 1, dtype: 'bool' },
        { op: 'const', value: 2147483647, dtype: 'i32' },
        { op: 'binary', kind: 'add', a: 0, b: 3, dtype: 'i32' },
        { op: 'where', condition: 2, yes: 0, no: 4, dtype: 'i32' },
      ],
      [[5, access(0, contiguousView([4]))]],
    );
    runKernel(kernel, [out]);
    expect([...out]).toEqual([-1, 1, -2147483646, -2147483644]);
  });

  test('gather clamps its rows', () => {
    const buffers = [f32(10, 11, 20, 21, 30, 31), Int32Array.of(2, -5, 9), new Float32Array(6)];
    const domain = [3, 2];
    const kernel = loop(
      domain,
      [
        { op: 'load', access: access(1, stridedView(domain, [1, 0])), dtype: 'i32' },
        { op: 'gather', access: access(0, stridedView([3, 2, 3], [0, 1, 2])), row: 0, dtype: 'f32' },
      ],
      [[1, access(2, contiguousView(domain))]],
    );
    runKernel(kernel, buffers);
    expect([...nth(buffers, 2)]).toEqual([30, 31, 10, 11, 30, 31]);
  });

  test('a scalar domain is one element', () => {
    const buffers = [f32(3), new Float32Array(1)];
    runKernel(loop([], [load(0, contiguousView([]))], [[0, access(1, contiguousView([]))]]), buffers);
    expect(buffers[1]?.[0]).toBe(3);
  });

  test('a domain without elements stores nothing', () => {
    const out = f32(9, 9);
    const kernel = loop(
      [2, 0],
      [load(0, contiguousView([2, 0])), { op: 'reduce', kind: 'sum', source: 0, dtype: 'f32' }],
      [[1, access(1, stridedView([2, 0], [1, 0])), true]],
      [false, true],
    );
    runKernel(kernel, [f32(), out]);
    expect([...out]).toEqual([9, 9]);
  });

  test('accesses beyond a buffer are errors', () => {
    const at = (n: number) => contiguousView([n]);
    expect(() => runKernel(loop([3], [load(0, at(3))], []), [f32(1, 2)])).toThrow(
      'kernel reads element 2 of buffer 0, beyond its end',
    );
    expect(() => runKernel(loop([3], [load(0, at(3))], [[0, access(1, at(3))]]), [f32(1, 2, 3), f32(1)])).toThrow(
      'kernel writes element 1 of buffer 1, beyond its end',
    );
    const accumulator = loop([1], [{ op: 'accumulator', dtype: 'f32' }], []);
    expect(() => runKernel(accumulator, [])).toThrow('`accumulator` is allowed only in the epilogue of a contraction');
  });
});

describe('contractions', () => {
  test('batch, m, n and k of several axes, with an epilogue', () => {
    // a [2, 3, 2, 2], where k is the last two axes; b [2, 2, 2, 2], where k comes before n; out = product + bias[n].
    const buffers = [
      Float32Array.from({ length: 24 }, (_, i) => i - 7),
      Float32Array.from({ length: 16 }, (_, i) => 2 * i - 9),
      f32(100, 200),
      new Float32Array(12),
    ];
    const domain = [2, 3, 2];
    const kernel: ContractKernel = {
      kind: 'contract',
      name: 'test',
      dtype: 'f32',
      batch: [2],
      m: [3],
      n: [2],
      k: [2, 2],
      a: access(0, contiguousView([2, 3, 2, 2])),
      b: access(1, contiguousView([2, 2, 2, 2])),
      epilogue: {
        instructions: [
          { op: 'accumulator', dtype: 'f32' },
          load(2, stridedView(domain, [0, 0, 1])),
          { op: 'binary', kind: 'add', a: 0, b: 1, dtype: 'f32' },
        ],
        stores: [{ value: 2, access: access(3, contiguousView(domain)), oncePerRow: false }],
      },
    };
    runKernel(kernel, buffers);
    const expected = Array.from({ length: 12 }, (_, position) => {
      const [batch, m, n] = [Math.floor(position / 6), Math.floor(position / 2) % 3, position % 2];
      let sum = 100 * (n + 1);
      for (let k = 0; k < 4; k++) sum += (batch * 12 + m * 4 + k - 7) * (2 * (batch * 8 + k * 2 + n) - 9);
      return sum;
    });
    expect([...nth(buffers, 3)]).toEqual(expected);
  });
});

test('scatterAdd kernels sum rows and ignore indices outside the table', () => {
  const buffers = [f32(1, 2, 3, 4, 5, 6, 7, 8), Int32Array.of(1, 1, -1, 2), new Float32Array(6).fill(9)];
  const kernel: Kernel = {
    kind: 'scatterAdd',
    name: 'test',
    dtype: 'f32',
    outer: 1,
    count: 4,
    inner: 2,
    rows: 3,
    values: access(0, contiguousView([1, 4, 2])),
    index: access(1, contiguousView([4])),
    out: 2,
  };
  runKernel(kernel, buffers);
  expect([...nth(buffers, 2)]).toEqual([0, 0, 4, 6, 7, 8]);
});

describe('the backend', () => {
  test('runs a plan: external buffers, and temporaries in an arena', async () => {
    const backend = new ReferenceBackend('kernels');
    const at = contiguousView([3]);
    const negate = (from: number, to: number): Kernel =>
      loop([3], [load(from, at), { op: 'unary', kind: 'neg', source: 0, dtype: 'f32' }], [[1, access(to, at)]]);
    const exponentiate = loop(
      [3],
      [load(1, at), { op: 'unary', kind: 'exp', source: 0, dtype: 'f32' }],
      [[1, access(2, at)]],
    );
    const plan: Plan = {
      buffers: [
        { dtype: 'f32', length: 3, place: { kind: 'external', index: 0 } },
        { dtype: 'f32', length: 3, place: { kind: 'arena', byteOffset: 8 } },
        { dtype: 'f32', length: 3, place: { kind: 'external', index: 1 } },
      ],
      stages: [[negate(0, 1)], [exponentiate]],
      arenaBytes: 20,
      externalCount: 2,
    };
    const [x, y] = [backend.allocate(12), backend.allocate(12)];
    backend.write(x, f32(0, 1, 2));
    await backend.prepare(plan).run([x, y]);
    const values = await backend.read(y, 'f32', 3);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(Math.exp(-i), 6);
  });

  test('reports the memory in use', () => {
    const backend = new ReferenceBackend('memory');
    const [a, b] = [backend.allocate(12), backend.allocate(0)];
    expect(backend.memory()).toEqual({ used: 12, reserved: 12 });
    backend.free(a);
    backend.free(b);
    expect(backend.memory().used).toBe(0);
  });
});
