/**
 * The oracle: evaluates a graph node by node, in double precision, each operation in the most direct way. It knows nothing of
 * views, kernels and plans.
 */

import { type Node, type NodeOf, type Op, orderNodes, type WindowSpec } from '../../graph/node.ts';
import { realizedStorage, type Storage, uncomputedSources } from '../../graph/storage.ts';
import { allocateArray, computeDType, type TypedArray } from '../../kernel/dtype.ts';
import { binaryFunction, reduceFunctions, roundTo, unaryFunction } from '../../kernel/semantics.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../kernel/shape.ts';
import { threefry2x32 } from '../../random/threefry.ts';
import { contract } from './contract.ts';
import { pick, positions } from './positions.ts';

export interface InterpretOptions {
  /** Round every node's values to its dtype, instead of carrying double precision from node to node. */
  readonly round?: boolean;
  /** Values of the nodes `input`. */
  readonly inputs?: readonly TypedArray[];
}

/** What evaluates one operation: the values of the sources are given. */
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

const shapeOf = (node: Node, source: number): Shape => (node.sources[source] as Node).shape;
const stridesOf = (node: Node, source: number): number[] => contiguousStrides(shapeOf(node, source));
const first: Rule<Op> = (_node, sources) => sources[0] as Float64Array;

/** Where each element of the windows of a tensor of `shape` lies in it. */
function windowPositions(shape: Shape, windows: readonly WindowSpec[], windowed: Shape): Int32Array {
  const source = contiguousStrides(shape);
  const strides = source.map((stride, axis) => stride * (windows.find((spec) => spec.axis === axis)?.stride ?? 1));
  return positions(windowed, [...strides, ...windows.map(({ axis, dilation }) => (source[axis] as number) * dilation)]);
}

/** The product of sizes before, at and after an axis. */
const around = (shape: Shape, axis: number): [outer: number, size: number, inner: number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1)),
];

const rules: { readonly [O in Op]: Rule<O> } = {
  buffer: () => {
    throw new Error('interpret: a buffer is read, not evaluated');
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

  unary: ({ arg, dtype }, [x]) => {
    const compute = unaryFunction(arg.kind, dtype);
    const source = x as Float64Array;
    return generate(source.length, (i) => compute(source[i] as number));
  },
  binary: ({ arg, dtype }, [x, y]) => {
    const compute = binaryFunction(arg.kind, dtype);
    const [a, b] = [x as Float64Array, y as Float64Array];
    return generate(a.length, (i) => compute(a[i] as number, b[i] as number));
  },
  where: (_node, [condition, yes, no]) =>
    generate((yes as Float64Array).length, (i) => ((condition as Float64Array)[i] ? yes : no)?.[i] as number),
  random: ({ arg, shape }, [key]) => {
    const [seed, step] = key as unknown as [number, number];
    const words = new Int32Array(2);
    return generate(sizeOf(shape), (i) => {
      threefry2x32(seed, step, i, arg.site, words);
      return words[0] as number;
    });
  },

  reduce: (node, [x]) => {
    const { arg, shape, dtype } = node;
    const { start, join } = reduceFunctions[arg.kind];
    const round = dtype === 'i32' || dtype === 'u8' ? roundTo[dtype] : (value: number): number => value;
    const strides = contiguousStrides(shape).map((stride, axis) => (arg.axes.includes(axis) ? 0 : stride));
    const at = positions(shapeOf(node, 0), strides);
    const result = new Float64Array(sizeOf(shape)).fill(start);
    for (let i = 0; i < at.length; i++) {
      const target = at[i] as number;
      result[target] = round(join(result[target] as number, (x as Float64Array)[i] as number));
    }
    return result;
  },

  reshape: first,
  permute: (node, [x]) => {
    const strides = stridesOf(node, 0);
    return pick(
      x as Float64Array,
      positions(
        node.shape,
        node.arg.axes.map((axis) => strides[axis] as number),
      ),
    );
  },
  expand: (node, [x]) => {
    const source = shapeOf(node, 0);
    const strides = stridesOf(node, 0).map((stride, axis) => (source[axis] === 1 ? 0 : stride));
    return pick(x as Float64Array, positions(node.shape, strides));
  },
  pad: (node, [x]) => {
    const strides = contiguousStrides(node.shape);
    const start = strides.reduce((sum, stride, axis) => sum + stride * (node.arg.before[axis] as number), 0);
    const result = new Float64Array(sizeOf(node.shape));
    positions(shapeOf(node, 0), strides, start).forEach((target, i) => {
      result[target] = (x as Float64Array)[i] as number;
    });
    return result;
  },
  shrink: (node, [x]) => {
    const strides = stridesOf(node, 0);
    const start = strides.reduce((sum, stride, axis) => sum + stride * (node.arg.start[axis] as number), 0);
    return pick(x as Float64Array, positions(node.shape, strides, start));
  },
  flip: (node, [x]) => {
    const strides = stridesOf(node, 0);
    const end = node.arg.axes.reduce(
      (sum, axis) => sum + (strides[axis] as number) * ((node.shape[axis] as number) - 1),
      0,
    );
    const signed = strides.map((stride, axis) => (node.arg.axes.includes(axis) ? -stride : stride));
    return pick(x as Float64Array, positions(node.shape, signed, end));
  },
  window: (node, [x]) => pick(x as Float64Array, windowPositions(shapeOf(node, 0), node.arg.windows, node.shape)),
  fold: (node, [x]) => {
    const result = new Float64Array(sizeOf(node.shape));
    windowPositions(node.shape, node.arg.windows, shapeOf(node, 0)).forEach((target, i) => {
      result[target] = (result[target] as number) + ((x as Float64Array)[i] as number);
    });
    return result;
  },

  contract: (node, [a, b]) =>
    contract(
      { values: a as Float64Array, shape: shapeOf(node, 0) },
      { values: b as Float64Array, shape: shapeOf(node, 1) },
      node.arg,
    ),
  gather: (node, [table, index]) => {
    const [outer, size, inner] = around(shapeOf(node, 0), node.arg.axis);
    const rows = index as Float64Array;
    const result = new Float64Array(sizeOf(node.shape));
    if (result.length > 0 && size === 0)
      throw new RangeError(`gather: the table has no rows along axis ${node.arg.axis}`);
    let position = 0;
    for (let o = 0; o < outer; o++)
      for (const row of rows) {
        const from = (o * size + Math.min(size - 1, Math.max(0, row))) * inner;
        for (let i = 0; i < inner; i++) result[position++] = (table as Float64Array)[from + i] as number;
      }
    return result;
  },
  scatterAdd: (node, [values, index]) => {
    const [outer, size, inner] = around(node.shape, node.arg.axis);
    const result = new Float64Array(sizeOf(node.shape));
    let position = 0;
    for (let o = 0; o < outer; o++)
      for (const row of index as Float64Array) {
        const to = (o * size + row) * inner;
        for (let i = 0; i < inner; i++, position++)
          if (row >= 0 && row < size)
            result[to + i] = (result[to + i] as number) + ((values as Float64Array)[position] as number);
      }
    return result;
  },
  concat: (node, sources) => {
    const [outer, , inner] = around(node.shape, node.arg.axis);
    const result = new Float64Array(sizeOf(node.shape));
    let position = 0;
    for (let o = 0; o < outer; o++)
      sources.forEach((source, k) => {
        const length = (shapeOf(node, k)[node.arg.axis] as number) * inner;
        result.set(source.subarray(o * length, (o + 1) * length), position);
        position += length;
      });
    return result;
  },

  detach: first,
  materialise: first,
  barrier: first,
  custom: first,
};

/** The values of the roots, in arrays of the dtypes that they are computed in. `read` gives the values of a filled storage. */
export function interpret(
  roots: readonly Node[],
  read: (storage: Storage) => TypedArray,
  options: InterpretOptions = {},
): TypedArray[] {
  const order = orderNodes(roots, uncomputedSources);
  // How often each value is still needed: it is dropped after its last use.
  const uses = new Map<Node, number>();
  for (const node of [...roots, ...order.flatMap(uncomputedSources)]) uses.set(node, (uses.get(node) ?? 0) + 1);
  const values = new Map<Node, Float64Array>();
  for (const node of order) {
    const sources = uncomputedSources(node);
    values.set(
      node,
      evaluate(
        node,
        sources.map((source) => values.get(source) as Float64Array),
        read,
        options,
      ),
    );
    for (const source of sources) {
      const left = (uses.get(source) as number) - 1;
      uses.set(source, left);
      if (left === 0) values.delete(source);
    }
  }
  return roots.map((root) => {
    const result = allocateArray(computeDType(root.dtype), sizeOf(root.shape));
    result.set(values.get(root) as Float64Array);
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
  // A buffer without a value stands for the node that its storage waits for.
  const exact =
    node.op === 'buffer' ? (sources[0] as Float64Array) : (rules[node.op] as Rule<Op>)(node, sources, options);
  if (!options.round || node.dtype === 'f64') return exact;
  return exact.map(roundTo[node.dtype]);
}
