/** Checks of the constructors of nodes, and operations that they drop. */
import { describe, expect, test } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { tensor } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import * as graph from './graph.ts';
import type { Node } from './node.ts';

registerReferenceBackends();
setDefaultBackend('reference');

/** A node whose values are unknown while the graph is built. */
const variable = (shape: number[], dtype: 'f32' | 'i32' | 'bool' | 'u8' = 'f32'): Node =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1),
    { shape, dtype },
  ).node;

describe('arguments that do not fit are refused', () => {
  const x = variable([2, 3]);
  const i = variable([4], 'i32');
  const window = { axis: 0, size: 2, stride: 1, dilation: 1 };
  const cases: [string, () => Node][] = [
    ['recip: needs a floating-point tensor, got i32 [4]; cast it first', () => graph.unary('recip', i)],
    ['add: shapes [2, 3] and [4] differ', () => graph.binary('add', x, i)],
    ['mul: dtypes f32 and i32 differ; cast one of them', () => graph.binary('mul', x, variable([2, 3], 'i32'))],
    ['lt: is not defined for bool; cast first', () => graph.binary('lt', variable([1], 'bool'), variable([1], 'bool'))],
    ['where: the condition must be bool, got f32', () => graph.where(x, x, x)],
    ['random: the key must be i32 [2]: seed and step', () => graph.random(i, 0, [2])],
    ['sum: does not reduce u8; cast to i32 or f32 first', () => graph.reduce('sum', variable([2], 'u8'), [0])],
    ['sum: axes [0, 0] do not name distinct axes of a tensor of shape [2, 3]', () => graph.reduce('sum', x, [0, 0])],
    ['expand: [2, 3] does not expand to [4, 3]: only sizes of 1 can grow', () => graph.expand(x, [4, 3])],
    ['pad: counts must be integers of at least 0, got [-1, 0] and [0, 0]', () => graph.pad(x, [-1, 0], [0, 0])],
    ['slice: range 1..4 is outside axis 1 of shape [2, 3]', () => graph.shrink(x, [0, 1], [2, 4])],
    [
      'window: size, stride and dilation must be integers of at least 1, got 2, 0, 1',
      () => graph.window(x, [{ ...window, stride: 0 }]),
    ],
    ['window: axis 0 is out of range or named twice', () => graph.window(x, [window, window])],
    ['fold: windows of [3] have shape [2, 2], got [2, 3]', () => graph.fold(x, [3], [window])],
    [
      'contract: [2, 3] x [2, 3]: sizes 3 and 2 of a shared axis differ',
      () => graph.contract(x, x, { a: [0, 1], b: [1, 2], out: [0, 2] }),
    ],
    [
      'contract: labels [0] do not name the axes of the first operand [2, 3] once each',
      () => graph.contract(x, x, { a: [0], b: [1, 2], out: [] }),
    ],
    [
      'contract: label 2 is in one operand only and must be in the output: sum over it first',
      () => graph.contract(x, x, { a: [0, 1], b: [2, 1], out: [0] }),
    ],
    ['contract: output label 7 is in no operand', () => graph.contract(x, x, { a: [0, 1], b: [0, 1], out: [7] })],
    [
      'contract: needs two floating-point operands of one dtype, got i32 and i32',
      () => graph.contract(i, i, { a: [0], b: [0], out: [] }),
    ],
    ['gather: the index must be i32, got f32', () => graph.gather(x, x, 0)],
    ['scatterAdd: values [2, 3] do not match index [4] at axis 0', () => graph.scatterAdd(x, i, 0, 5)],
  ];
  test.each(cases)('%s', (message, act) => {
    expect(act).toThrow(expect.objectContaining({ message }));
  });
});

describe('operations that do nothing are dropped', () => {
  const x = variable([2, 3]);
  const zero = graph.constant(0, [2, 3]);
  const one = graph.constant(1, [2, 3]);

  test.each<[string, () => Node]>([
    ['x + 0', () => graph.binary('add', x, zero)],
    ['0 + x', () => graph.binary('add', zero, x)],
    ['x * 1', () => graph.binary('mul', x, one)],
    ['1 * x', () => graph.binary('mul', one, x)],
    ['cast to its own dtype', () => graph.cast(x, 'f32')],
    ['reshape to its own shape', () => graph.reshape(x, [2, 3])],
    ['reshape there and back', () => graph.reshape(graph.reshape(x, [6]), [2, 3])],
    ['permute there and back', () => graph.permute(graph.permute(x, [1, 0]), [1, 0])],
    ['pad by nothing', () => graph.pad(x, [0, 0], [0, 0])],
    ['all of it', () => graph.shrink(x, [0, 0], [2, 3])],
    ['flip of no axis', () => graph.flip(x, [])],
    ['concat with nothing', () => graph.concat([variable([0, 3]), x], 0)],
    ['no windows', () => graph.window(x, [])],
    ['sum over no axes', () => graph.reduce('sum', x, [])],
  ])('%s', (_name, make) => {
    expect(make()).toBe(x);
  });

  test('x * 0 is kept: it may be NaN', () => {
    expect(graph.binary('mul', x, zero).op).toBe('binary');
  });

  test('views of constants are constants', () => {
    const constant = graph.constant(3, [1, 2]);
    for (const node of [
      graph.reshape(constant, [2]),
      graph.expand(constant, [4, 2]),
      graph.permute(constant, [1, 0]),
      graph.shrink(constant, [0, 1], [1, 2]),
      graph.flip(constant, [1]),
      graph.cast(constant, 'i32'),
    ])
      expect(node.op).toBe('const');
  });

  test('constants are rounded to their dtype', () => {
    const valueIn = (node: Node): unknown => node.op === 'const' && node.arg.value;
    expect(valueIn(graph.constant(0.1))).toBe(Math.fround(0.1));
    expect(valueIn(graph.constant(0.1, [], 'f64'))).toBe(0.1);
    expect(valueIn(graph.constant(-2.7, [], 'i32'))).toBe(-2);
    expect(valueIn(graph.constant(7, [], 'bool'))).toBe(1);
    expect(valueIn(graph.cast(graph.constant(3e9), 'i32'))).toBe(2147483647);
    expect(valueIn(graph.cast(graph.constant(Number.NaN), 'i32'))).toBe(0);
    expect(valueIn(graph.cast(graph.constant(-1), 'u8'))).toBe(255);
    expect(valueIn(graph.cast(graph.constant(0.5), 'bool'))).toBe(1);
  });
});
