import { describe, expect, test } from 'vitest';
import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { Storage } from '../../graph/storage.ts';
import { nth } from '../../kernel/nth.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';
import { ReferenceBackend } from './backend.ts';
import { type InterpretOptions, interpret } from './interpret.ts';

const backend = new ReferenceBackend('oracle', {});

function stored(values: readonly number[], shape: Shape, dtype: 'f32' | 'f64' | 'i32' = 'f64'): Node {
  const array = { f32: Float32Array, f64: Float64Array, i32: Int32Array }[dtype].from(values);
  const allocation = backend.allocate(array.byteLength);
  backend.write(allocation, array);
  return graph.buffer(new Storage(backend, dtype, values.length, { allocation }), shape);
}

function evaluate(root: Node, options?: InterpretOptions): number[] {
  const read = ({ allocation, dtype, length }: Storage) => {
    if (allocation == null) throw new Error('the storage has no memory');
    return backend.readSync(allocation, dtype, length);
  };
  return Array.from(nth(interpret([root], read, options), 0));
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('operations that no tensor method reaches alone', () => {
  test('fold sums overlapping windows', () => {
    // Windows of 3 every 2 over a length of 7: positions 0-2, 2-4, 4-6.
    const windows = [{ axis: 0, size: 3, stride: 2, dilation: 1 }];
    expect(evaluate(graph.fold(stored(range(9), [3, 3]), [7], windows))).toEqual([0, 1, 2 + 3, 4, 5 + 6, 7, 8]);
  });

  test('fold is the adjoint of window: <window(x), y> = <x, fold(y)>', () => {
    const shape = [2, 6, 5];
    const windows = [
      { axis: 1, size: 2, stride: 2, dilation: 3 },
      { axis: 2, size: 3, stride: 1, dilation: 2 },
    ];
    const x = stored(
      range(60).map((i) => Math.sin(i)),
      shape,
    );
    const windowed = graph.window(x, windows);
    const y = stored(
      range(sizeOf(windowed.shape)).map((i) => Math.cos(3 * i)),
      windowed.shape,
    );
    const dot = (a: Node, b: Node): number => {
      const [u, v] = [evaluate(a), evaluate(b)];
      return u.reduce((sum, value, i) => sum + value * nth(v, i), 0);
    };
    expect(dot(windowed, y)).toBeCloseTo(dot(x, graph.fold(y, shape, windows)), 12);
  });

  test('scatterAdd sums rows with equal indices and ignores indices outside the table', () => {
    const values = stored(range(10), [2, 5, 1]);
    const index = stored([2, 0, 2, -1, 3], [5], 'i32');
    expect(evaluate(graph.scatterAdd(values, index, 1, 3))).toEqual([1, 0, 0 + 2, 6, 0, 5 + 7]);
  });

  test('contract: batch, free and summed axes in any order', () => {
    // out[n, b, m] = sum over k of a[k, b, m] * b[n, k, b]
    const a = stored(range(2 * 3 * 2), [2, 3, 2]);
    const b = stored(range(2 * 2 * 3), [2, 2, 3]);
    const out = graph.contract(a, b, { a: [3, 0, 1], b: [2, 3, 0], out: [2, 0, 1] });
    const expected = range(12).map((position) => {
      const [n, batch, m] = [Math.floor(position / 6), Math.floor(position / 2) % 3, position % 2];
      return range(2).reduce((sum, k) => sum + (k * 6 + batch * 2 + m) * (n * 6 + k * 3 + batch), 0);
    });
    expect(evaluate(out)).toEqual(expected);
  });

  test('identities return their first source', () => {
    const x = stored([1, 2], [2]);
    for (const node of [
      graph.detach(x),
      graph.materialize(x),
      graph.barrier(x, [graph.constant(1)]),
      graph.custom(x, [graph.constant(1)], { name: 'none', backward: () => [null] }),
    ])
      expect(evaluate(node)).toEqual([1, 2]);
  });

  test('a buffer without a value evaluates the pending node of its storage', () => {
    const state = new Storage(backend, 'f64', 2, { pending: graph.unary('neg', stored([1, 2], [2])) });
    expect(evaluate(graph.unary('neg', graph.buffer(state, [2])))).toEqual([1, 2]);
  });

  test('inputs of compiled functions are read from the options', () => {
    const node = graph.unary('neg', graph.input(1, [2], 'f32'));
    expect(evaluate(node, { inputs: [Float32Array.of(9), Float32Array.of(3, 4)] })).toEqual([-3, -4]);
    expect(() => evaluate(node)).toThrow('input 1 of the compiled function has no value');
  });

  test('gather from an empty table is an error', () => {
    const table = graph.constant(0, [0, 2]);
    expect(() => evaluate(graph.gather(table, stored([0], [1], 'i32'), 0))).toThrow(
      'the table has no rows along axis 0',
    );
  });
});

describe('precision', () => {
  const third = graph.binary('mul', stored([1], [1], 'f32'), graph.unary('recip', stored([3], [1], 'f32')));
  const error = graph.binary('add', graph.binary('mul', third, graph.constant(3, [1])), graph.constant(-1, [1]));

  test('f32 nodes keep double precision inside the graph, and results are rounded', () => {
    expect(evaluate(third)).toEqual([Math.fround(1 / 3)]);
    expect(Math.abs(nth(evaluate(error), 0))).toBeLessThan(1e-15);
  });

  test('rounding after each node is an option', () => {
    const sum = graph.reduce('sum', stored([1e8, 1, -1e8], [3], 'f32'), [0]);
    expect(evaluate(sum, { round: true })).toEqual([1]);
    const small = graph.binary('add', stored([1e8], [1], 'f32'), graph.constant(1, [1]));
    const back = graph.binary('add', small, graph.constant(-1e8, [1]));
    expect([evaluate(back), evaluate(back, { round: true })]).toEqual([[1], [0]]);
  });
});

test('evaluates deep graphs without recursion', () => {
  let node = stored([0], [1]);
  for (let k = 0; k < 50_000; k++) node = graph.binary('add', node, graph.constant(1, [1], 'f64'));
  expect(evaluate(node)).toEqual([50_000]);
});
