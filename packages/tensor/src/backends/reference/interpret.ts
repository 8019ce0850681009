/**
 * The oracle: evaluates a graph node by node, in double precision, each operation in the most direct way. It does not use views,
 * kernels or plans.
 */
import { type Node, type NodeOf, type Op, orderNodes, type WindowSpec } from '../../graph/node.ts';
import { realizedStorage, type Storage, uncomputedSources } from '../../graph/storage.ts';
import { exchange } from '../../kernel/collective.ts';
import type { ExchangedArray } from '../../kernel/communicator.ts';
import { allocateArray, computeDType, isFloat, type TypedArray } from '../../kernel/dtype.ts';
import { lookUp, nth } from '../../kernel/nth.ts';
import { reduceOperators } from '../../kernel/operators.ts';
import { binaryFunction, roundTo, unaryFunction } from '../../kernel/semantics.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../kernel/shape.ts';
import { threefry2x32 } from '../../random/threefry.ts';
import { contract } from './contract.ts';
import { pick, positions } from './positions.ts';

export interface InterpretOptions {
  /** Round every node's values to its dtype, instead of carrying double precision from node to node. */
  readonly round?: boolean;
  /** The values of `input` nodes, by index. */
  readonly inputs?: readonly TypedArray[];
}

/** Evaluates one operation from the values of its sources. */
type Rule<O extends Op> = (
  node: NodeOf<O>,
  sources: readonly Float64Array[],
  options: InterpretOptions,
) => Float64Array;

const generate = (length: number, value: (i: number) => number): Float64Array => {
  const result = new Float64Array(length);
  for (let i = 0; i < length; i++) result[i] = value(i);
  return result;
};

/** The rule of an operation with one source. */
const onOne =
  <O extends Op>(rule: (node: NodeOf<O>, x: Float64Array) => Float64Array): Rule<O> =>
  (node, sources) =>
    rule(node, nth(sources, 0));

/** The rule of an operation with two sources. */
const onTwo =
  <O extends Op>(rule: (node: NodeOf<O>, a: Float64Array, b: Float64Array) => Float64Array): Rule<O> =>
  (node, sources) =>
    rule(node, nth(sources, 0), nth(sources, 1));

/** The rule of an operation that returns its first source. */
const first = onOne<Op>((_node, x) => x);

const shapeOf = (node: Node, source: number): Shape => nth(node.sources, source).shape;
const stridesOf = (node: Node, source: number): number[] => contiguousStrides(shapeOf(node, source));

/** The position of each element of the windows, in a tensor of `shape`. */
function windowPositions(shape: Shape, windows: readonly WindowSpec[], windowed: Shape): Int32Array {
  const source = contiguousStrides(shape);
  const strides = source.map((stride, axis) => stride * (windows.find((spec) => spec.axis === axis)?.stride ?? 1));
  return positions(windowed, [...strides, ...windows.map(({ axis, dilation }) => nth(source, axis) * dilation)]);
}

/** The product of the sizes before an axis, the size of that axis, and the product of the sizes after it. */
const around = (shape: Shape, axis: number): [outer: number, size: number, inner: number] => [
  sizeOf(shape.slice(0, axis)),
  nth(shape, axis),
  sizeOf(shape.slice(axis + 1)),
];

const rules: { readonly [O in Op]: Rule<O> } = {
  buffer: () => {
    throw new Error('interpret: buffers are read from storage, not evaluated');
  },
  input: ({ arg: { index } }, _sources, { inputs }) => {
    const values = inputs?.[index];
    if (values === undefined) throw new Error(`interpret: input ${index} of the compiled function has no value`);
    return Float64Array.from(values);
  },
  const: ({ arg, shape }) => new Float64Array(sizeOf(shape)).fill(arg.value),
  iota: ({ arg, shape }) =>
    Float64Array.from(
      positions(
        shape,
        shape.map((_, axis) => Number(axis === arg.axis)),
      ),
    ),

  unary: onOne(({ arg, dtype }, x) => {
    const compute = unaryFunction(arg.kind, dtype);
    return x.map((value) => compute(value));
  }),
  binary: onTwo(({ arg, dtype }, a, b) => {
    const compute = binaryFunction(arg.kind, dtype);
    return a.map((value, i) => compute(value, nth(b, i)));
  }),
  where: (_node, sources) => {
    const [yes, no] = [nth(sources, 1), nth(sources, 2)];
    return nth(sources, 0).map((condition, i) => nth(condition ? yes : no, i));
  },
  random: onOne(({ arg, shape }, key) => {
    const [seed, step] = [nth(key, 0), nth(key, 1)];
    const words = new Int32Array(2);
    return generate(sizeOf(shape), (i) => {
      threefry2x32(seed, step, i, arg.site, words);
      return nth(words, 0);
    });
  }),

  reduce: onOne((node, x) => {
    const { arg, shape, dtype } = node;
    const { start, join } = reduceOperators[arg.kind];
    const round = dtype === 'i32' || dtype === 'u8' ? roundTo[dtype] : (value: number): number => value;
    const strides = contiguousStrides(shape).map((stride, axis) => (arg.axes.includes(axis) ? 0 : stride));
    const at = positions(shapeOf(node, 0), strides);
    const result = new Float64Array(sizeOf(shape)).fill(start);
    for (const [i, target] of at.entries()) result[target] = round(join(nth(result, target), nth(x, i)));
    return result;
  }),

  reshape: first,
  permute: onOne((node, x) => {
    const strides = stridesOf(node, 0);
    const permuted = node.arg.axes.map((axis) => nth(strides, axis));
    return pick(x, positions(node.shape, permuted));
  }),
  expand: onOne((node, x) => {
    const source = shapeOf(node, 0);
    const strides = stridesOf(node, 0).map((stride, axis) => (source[axis] === 1 ? 0 : stride));
    return pick(x, positions(node.shape, strides));
  }),
  pad: onOne((node, x) => {
    const strides = contiguousStrides(node.shape);
    const start = strides.reduce((sum, stride, axis) => sum + stride * nth(node.arg.before, axis), 0);
    const result = new Float64Array(sizeOf(node.shape));
    for (const [i, target] of positions(shapeOf(node, 0), strides, start).entries()) result[target] = nth(x, i);
    return result;
  }),
  shrink: onOne((node, x) => {
    const strides = stridesOf(node, 0);
    const start = strides.reduce((sum, stride, axis) => sum + stride * nth(node.arg.start, axis), 0);
    return pick(x, positions(node.shape, strides, start));
  }),
  flip: onOne((node, x) => {
    const strides = stridesOf(node, 0);
    const end = node.arg.axes.reduce((sum, axis) => sum + nth(strides, axis) * (nth(node.shape, axis) - 1), 0);
    const signed = strides.map((stride, axis) => (node.arg.axes.includes(axis) ? -stride : stride));
    return pick(x, positions(node.shape, signed, end));
  }),
  window: onOne((node, x) => pick(x, windowPositions(shapeOf(node, 0), node.arg.windows, node.shape))),
  fold: onOne((node, x) => {
    const result = new Float64Array(sizeOf(node.shape));
    const targets = windowPositions(node.shape, node.arg.windows, shapeOf(node, 0));
    for (const [i, target] of targets.entries()) result[target] = nth(result, target) + nth(x, i);
    return result;
  }),

  contract: onTwo((node, a, b) =>
    contract({ values: a, shape: shapeOf(node, 0) }, { values: b, shape: shapeOf(node, 1) }, node.arg),
  ),
  gather: onTwo((node, table, rows) => {
    const [outer, size, inner] = around(shapeOf(node, 0), node.arg.axis);
    const result = new Float64Array(sizeOf(node.shape));
    if (result.length > 0 && size === 0)
      throw new RangeError(`gather: the table has no rows along axis ${node.arg.axis}`);
    let position = 0;
    for (let o = 0; o < outer; o++)
      for (const row of rows) {
        const from = (o * size + Math.min(size - 1, Math.max(0, row))) * inner;
        result.set(table.subarray(from, from + inner), position);
        position += inner;
      }
    return result;
  }),
  scatterAdd: onTwo((node, values, rows) => {
    const [outer, size, inner] = around(node.shape, node.arg.axis);
    const result = new Float64Array(sizeOf(node.shape));
    let position = 0;
    for (let o = 0; o < outer; o++)
      for (const row of rows) {
        const to = (o * size + row) * inner;
        for (let i = 0; i < inner; i++, position++)
          if (row >= 0 && row < size) result[to + i] = nth(result, to + i) + nth(values, position);
      }
    return result;
  }),
  concat: (node, sources) => {
    const [outer, , inner] = around(node.shape, node.arg.axis);
    const result = new Float64Array(sizeOf(node.shape));
    let position = 0;
    for (let o = 0; o < outer; o++)
      for (const [k, source] of sources.entries()) {
        const length = nth(shapeOf(node, k), node.arg.axis) * inner;
        result.set(source.subarray(o * length, (o + 1) * length), position);
        position += length;
      }
    return result;
  },
  collective: onOne(({ arg, dtype, shape }, x) => {
    // In double precision, as everything else.
    const array = (length: number): ExchangedArray =>
      isFloat(dtype) ? new Float64Array(length) : new Int32Array(length);
    const [source, out] = [array(x.length), array(sizeOf(shape))];
    source.set(x);
    exchange(arg, source, out);
    return Float64Array.from(out);
  }),

  detach: first,
  materialize: first,
  barrier: first,
  custom: first,
};

/** The values of the roots, in arrays of the dtypes that they are computed in. `read` returns the values of a realized storage. */
export function interpret(
  roots: readonly Node[],
  read: (storage: Storage) => TypedArray,
  options: InterpretOptions = {},
): TypedArray[] {
  const order = orderNodes(roots, uncomputedSources);
  // The number of remaining uses of each value, which is dropped after its last one.
  const uses = new Map<Node, number>();
  for (const node of [...roots, ...order.flatMap(uncomputedSources)]) uses.set(node, (uses.get(node) ?? 0) + 1);
  const values = new Map<Node, Float64Array>();
  for (const node of order) {
    const sources = uncomputedSources(node);
    values.set(
      node,
      evaluate(
        node,
        sources.map((source) => lookUp(values, source)),
        read,
        options,
      ),
    );
    for (const source of sources) {
      const left = lookUp(uses, source) - 1;
      uses.set(source, left);
      if (left === 0) values.delete(source);
    }
  }
  return roots.map((root) => {
    const result = allocateArray(computeDType(root.dtype), sizeOf(root.shape));
    result.set(lookUp(values, root));
    return result;
  });
}

function evaluate(
  node: Node,
  sources: readonly Float64Array[],
  read: (storage: Storage) => TypedArray,
  options: InterpretOptions,
): Float64Array {
  const storage = realizedStorage(node);
  if (storage !== undefined) return Float64Array.from(read(storage));
  // The value of a buffer whose storage is still pending is that of the pending node, its only source.
  const exact = node.op === 'buffer' ? nth(sources, 0) : (rules[node.op] as Rule<Op>)(node, sources, options);
  if (!options.round || node.dtype === 'f64') return exact;
  return exact.map(roundTo[node.dtype]);
}
