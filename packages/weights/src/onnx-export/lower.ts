/** From the engine's graph to an ONNX graph: one entry for each operation. */
import { Tensor } from '@tessera/tensor';
import {
  isHistoryForgotten,
  type Node,
  type NodeOf,
  type Op,
  orderNodes,
  type WindowSpec,
} from '@tessera/tensor/graph';
import { contraction } from './contraction.ts';
import { convolutionOf } from './convolution.ts';
import { binaryOperations, castValue, selectValue, unaryOperations } from './elementwise.ts';
import { type GraphBuilder, onnxTypeOf, type Value } from './graph-builder.ts';
import { type RecordedFunction, scopeOf, sourcesOf } from './recording.ts';
import { type Dim, isBatch } from './symbolic.ts';

/** What the entries below use. */
interface Lowering {
  readonly builder: GraphBuilder;
  readonly input: Value;
  /** The names of weights by where their values are. */
  readonly weights: ReadonlyMap<unknown, string>;
  dims(node: Node): readonly Dim[];
  /** The value of a node that was lowered before. */
  value(node: Node): Value;
  /** The same with all of its places. */
  full(node: Node): Value;
}

const sourceOf = (node: Node, k = 0): Node => node.sources[k] as Node;

/** The sizes of the result of an operation by elements. */
function joinedDims(values: readonly Value[], rank: number): Dim[] {
  return Array.from({ length: rank }, (_, axis) => {
    const dims = values.map((value) => value.dims[axis] as Dim);
    return dims.find((dim) => dim !== 1) ?? 1;
  });
}

const byElements = (node: Node, values: readonly Value[], name: string): Value => ({
  name,
  dtype: node.dtype,
  dims: joinedDims(values, node.shape.length),
  scalar: values.every(({ scalar }) => scalar),
});

/** The value with other contents but the same dtype. */
const named = (node: Node, name: string, dims: readonly Dim[]): Value => ({
  name,
  dtype: node.dtype,
  dims,
  scalar: false,
});

/** Where the values of a weight are: tensors of the same weight have one storage. */
export const placeOf = (node: Node): unknown => (node.op === 'buffer' ? node.arg.storage : node);

/** The values of a node, as a tensor in the file. */
function stored(node: Node, { builder, weights }: Lowering): Value {
  const { dtype, shape } = node;
  const own = weights.get(placeOf(node));
  const name = builder.initializer(own ?? 'value', {
    dtype: onnxTypeOf(dtype),
    shape,
    read: () => Tensor.fromNode(node).data(),
  });
  return named(node, name, shape);
}

/** The first of the sources: what follows means something to derivatives or to the scheduler only. */
const firstSource = (node: Node, { value }: Lowering): Value => value(sourceOf(node));

function lowerWindow(node: NodeOf<'window'>, { builder, full, dims }: Lowering): Value {
  let current = full(sourceOf(node as Node));
  const rank = current.dims.length;
  const sizes = dims(node as Node);
  // After k windows the axes are those of the source, then k of windows.
  node.arg.windows.forEach(({ axis, size, stride, dilation }, k) => {
    const count = sizes[axis] as number;
    const places = Array.from(
      { length: count * size },
      (_, i) => stride * Math.floor(i / size) + dilation * (i % size),
    );
    const name = builder.emit('Gather', [current.name, builder.indices(places, [count, size])], { axis });
    const split = [...current.dims.slice(0, axis), count, size, ...current.dims.slice(axis + 1)];
    const order = split.map((_, place) => place).filter((place) => place !== axis + 1);
    current = builder.permute(named(node as Node, name, split), [...order, axis + 1]);
    if (current.dims.length !== rank + k + 1) throw new Error('window: wrong rank');
  });
  return current;
}

/** The 0 and 1 that add the places of windows to the places that they are of, f32 [count * size, length]. */
function foldMatrix({ size, stride, dilation }: WindowSpec, count: number, length: number): Float32Array {
  const matrix = new Float32Array(count * size * length);
  for (let q = 0; q < count; q++)
    for (let t = 0; t < size; t++) matrix[(q * size + t) * length + stride * q + dilation * t] = 1;
  return matrix;
}

/** The adjoint of a window, one axis after the other, as products with matrices of 0 and 1. */
function lowerFold(node: NodeOf<'fold'>, { builder, full, dims }: Lowering): Value {
  if (node.dtype !== 'f32') throw new Error(`fold of ${node.dtype} is not exported`);
  let current = full(sourceOf(node as Node));
  const sizes = dims(node as Node);
  for (const spec of node.arg.windows.toReversed()) {
    const last = current.dims.length - 1;
    const [count, length] = [current.dims[spec.axis] as number, sizes[spec.axis] as number];
    const others = current.dims.map((_, axis) => axis).filter((axis) => axis !== spec.axis && axis !== last);
    const moved = builder.permute(current, [...others, spec.axis, last]);
    const rows = builder.reshape(moved, [...others.map((axis) => current.dims[axis] as Dim), count * spec.size]);
    const matrix = builder.initializer('fold', {
      dtype: 'f32',
      shape: [count * spec.size, length],
      read: () => foldMatrix(spec, count, length),
    });
    const summed = named(node as Node, builder.emit('MatMul', [rows.name, matrix]), [
      ...rows.dims.slice(0, -1),
      length,
    ]);
    const back = current.dims.map((_, axis) => axis).slice(0, -1);
    const order = back.map((axis) => (axis === spec.axis ? others.length : others.indexOf(axis)));
    current = builder.permute(summed, order);
  }
  return current;
}

function lowerScatterAdd(node: NodeOf<'scatterAdd'>, { builder, full, dims }: Lowering): Value {
  const [values, index] = [full(sourceOf(node as Node)), full(sourceOf(node as Node, 1))];
  const { axis, size } = node.arg;
  const places = index.dims.length;
  const rank = values.dims.length;
  const indexed = Array.from({ length: places }, (_, k) => axis + k);
  const others = Array.from({ length: rank }, (_, k) => k).filter((k) => !indexed.includes(k));
  const updates = builder.permute(values, [...indexed, ...others]);
  const rest = others.map((k) => values.dims[k] as Dim);
  // An index outside is sent to one more row, which is cut off.
  const zero = builder.number(0, 'i32');
  const isBelow = builder.emit('Less', [index.name, zero]);
  const isAbove = builder.emit('Not', [builder.emit('Less', [index.name, builder.number(size, 'i32')])]);
  const outside = builder.emit('Or', [isBelow, isAbove]);
  const inside = builder.emit('Where', [outside, builder.number(size, 'i32'), index.name]);
  const rows = builder.emit('Unsqueeze', [builder.emit('Cast', [inside], { to: 7 }), builder.integers([-1])]);
  const empty = builder.emit('Expand', [builder.number(0, onnxTypeOf(node.dtype)), builder.shape([size + 1, ...rest])]);
  const sums = builder.emit('ScatterND', [empty, rows, updates.name], { reduction: 'add' });
  const kept = builder.emit('Slice', [sums, ...[[0], [size], [0]].map((values) => builder.integers(values))]);
  const order = Array.from({ length: rest.length + 1 }, (_, k) => (k < axis ? k + 1 : k === axis ? 0 : k));
  const result = builder.permute(named(node as Node, kept, [size, ...rest]), order);
  return { ...result, dims: dims(node as Node) };
}

function lowerContract(node: NodeOf<'contract'>, { builder, full, dims }: Lowering): Value {
  const sizes = dims(node as Node);
  const found = convolutionOf(node as Node);
  if (found === null)
    return contraction(builder, full(sourceOf(node as Node)), full(sourceOf(node as Node, 1)), node.arg, sizes);
  const { images, weight, windows, axes } = found;
  const name = builder.emit('Conv', [full(images).name, full(weight).name], {
    kernel_shape: windows.map(({ size }) => size),
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
  });
  const own = axes.map((_, k) => sizes[axes.indexOf(k)] as Dim);
  return builder.permute(named(node as Node, name, own), axes);
}

function lowerShrink(node: NodeOf<'shrink'>, { builder, full, dims }: Lowering): Value {
  const source = full(sourceOf(node as Node));
  const { start, end } = node.arg;
  const isCut = (_: Dim, axis: number): boolean =>
    start[axis] !== 0 || end[axis] !== sourceOf(node as Node).shape[axis];
  const axes = source.dims.map((_, axis) => axis).filter((axis) => isCut(source.dims[axis] as Dim, axis));
  const whole = axes.find((axis) => isBatch(source.dims[axis] as Dim) || isBatch(dims(node as Node)[axis] as Dim));
  if (whole !== undefined) throw new Error(`a part of the batch is taken${scopeOf(node as Node)}`);
  const lists = [axes.map((axis) => start[axis] ?? 0), axes.map((axis) => end[axis] ?? 0), axes];
  const name = builder.emit('Slice', [source.name, ...lists.map((list) => builder.integers(list))]);
  return named(node as Node, name, dims(node as Node));
}

/** The end of an axis that is read backwards. */
const beforeFirst = -(2 ** 31);

const lowerings: { readonly [O in Op]: (node: NodeOf<O>, lowering: Lowering) => Value } = {
  buffer: (node, lowering) => stored(node, lowering),
  input: (_, { input }) => input,
  const: (node, { builder }) => ({
    name: builder.number(node.arg.value, onnxTypeOf(node.dtype)),
    dtype: node.dtype,
    dims: node.shape.map(() => 1),
    scalar: true,
  }),
  iota: (node, { builder, dims }) => {
    const { axis } = node.arg;
    const sizes = dims(node as Node);
    const length = sizes[axis] as Dim;
    const own = sizes.map((dim, k) => (k === axis ? dim : 1));
    if (!isBatch(length)) {
      const places = builder.indices(
        Array.from({ length }, (_, k) => k),
        own as number[],
      );
      return named(node as Node, places, own);
    }
    const limit = builder.emit('Squeeze', [builder.emit('Cast', [builder.shape([length])], { to: 6 })]);
    const range = builder.emit('Range', [builder.number(0, 'i32'), limit, builder.number(1, 'i32')]);
    return builder.reshape(named(node as Node, range, [length]), own);
  },
  unary: (node, { builder, value }) => {
    const source = value(sourceOf(node as Node));
    const { kind } = node.arg;
    const name =
      kind === 'cast'
        ? castValue(builder, source.dtype, node.dtype, source.name)
        : unaryOperations[kind](builder, source.dtype, source.name);
    return byElements(node as Node, [source], name);
  },
  binary: (node, { builder, value }) => {
    const [a, b] = [value(sourceOf(node as Node)), value(sourceOf(node as Node, 1))];
    return byElements(node as Node, [a, b], binaryOperations[node.arg.kind](builder, a.dtype, a.name, b.name));
  },
  where: (node, { builder, value }) => {
    const parts = node.sources.map(value) as [Value, Value, Value];
    const [condition, yes, no] = parts;
    return byElements(node as Node, parts, selectValue(builder, node.dtype, condition.name, yes.name, no.name));
  },
  collective: (node) => {
    throw new Error(
      `communication between ranks is not exported${scopeOf(node as Node)}: export the model on one rank`,
    );
  },
  random: (node) => {
    throw new Error(`random numbers are not exported${scopeOf(node as Node)}: call eval() of the model first`);
  },
  reduce: (node, { builder, full, dims }) => {
    const { kind, axes } = node.arg;
    const type = kind === 'sum' ? 'ReduceSum' : 'ReduceMax';
    const source = full(sourceOf(node as Node));
    const name = builder.emit(type, [source.name, builder.integers(axes)], { keepdims: 1 });
    return named(node as Node, name, dims(node as Node));
  },
  reshape: (node, { builder, full, dims }) => builder.reshape(full(sourceOf(node as Node)), dims(node as Node)),
  permute: (node, { builder, value }) => builder.permute(value(sourceOf(node as Node)), node.arg.axes),
  expand: (node, lowering) => firstSource(node as Node, lowering),
  pad: (node, { builder, full, dims }) => {
    const source = full(sourceOf(node as Node));
    const { before, after } = node.arg;
    const counts = builder.integers([...before, ...after]);
    const name = builder.emit('Pad', [source.name, counts, builder.number(0, onnxTypeOf(node.dtype))]);
    return named(node as Node, name, dims(node as Node));
  },
  shrink: lowerShrink,
  flip: (node, { builder, full, dims }) => {
    const { axes } = node.arg;
    const lists = [axes.map(() => -1), axes.map(() => beforeFirst), axes, axes.map(() => -1)];
    const inputs = [full(sourceOf(node as Node)).name, ...lists.map((list) => builder.integers(list))];
    return named(node as Node, builder.emit('Slice', inputs), dims(node as Node));
  },
  window: lowerWindow,
  fold: lowerFold,
  contract: lowerContract,
  gather: (node, { builder, full, dims }) => {
    const { axis } = node.arg;
    const [table, index] = [full(sourceOf(node as Node)), full(sourceOf(node as Node, 1))];
    const rows = table.dims[axis] as Dim;
    // An index outside of the table is clamped to it, as here.
    const inside = isBatch(rows)
      ? index.name
      : builder.emit('Clip', [index.name, builder.number(0, 'i32'), builder.number(rows - 1, 'i32')]);
    return named(node as Node, builder.emit('Gather', [table.name, inside], { axis }), dims(node as Node));
  },
  scatterAdd: lowerScatterAdd,
  concat: (node, { builder, full, dims }) => {
    const name = builder.emit(
      'Concat',
      node.sources.map((source) => full(source).name),
      { axis: node.arg.axis },
    );
    return named(node as Node, name, dims(node as Node));
  },
  detach: (node, lowering) => firstSource(node as Node, lowering),
  materialize: (node, lowering) => firstSource(node as Node, lowering),
  barrier: (node, lowering) => firstSource(node as Node, lowering),
  custom: (node, lowering) => firstSource(node as Node, lowering),
};

/** Operations that only show values in another way. Of weights, they stay operations of the file. */
const views: ReadonlySet<Op> = new Set<Op>([
  ...(['reshape', 'permute', 'expand', 'shrink', 'detach', 'materialize', 'barrier', 'custom'] as const),
]);

/**
 * The ONNX graph of a recorded function. What does not depend on the input is computed here, once, except views of weights, so that weights
 * keep their names and shapes.
 *
 * @param input the graph's input, of the dtype that the function has
 * @param weights the names of weights by their places (`placeOf`)
 */
export function lowerGraph(
  { output, dimsOf, isStatic }: RecordedFunction,
  builder: GraphBuilder,
  input: Value,
  weights: ReadonlyMap<unknown, string>,
): Value {
  const isComputed = (node: Node): boolean => {
    let at = node;
    while (views.has(at.op) && !isHistoryForgotten(at)) at = sourceOf(at);
    return at.op !== 'const' && at.op !== 'iota' && at.op !== 'buffer' && at === node && isStatic(at);
  };
  const isLeaf = (node: Node): boolean => isHistoryForgotten(node) || isComputed(node);
  const values = new Map<Node, Value>();
  const value = (node: Node): Value => values.get(node) as Value;
  const lowering: Lowering = {
    builder,
    input,
    weights,
    dims: dimsOf,
    value,
    full: (node) => builder.full(value(node), dimsOf(node)),
  };
  for (const node of orderNodes([output], (own) => (isLeaf(own) ? [] : lastingSources(own))))
    values.set(
      node,
      isLeaf(node)
        ? stored(node, lowering)
        : (lowerings[node.op] as (node: Node, lowering: Lowering) => Value)(node, lowering),
    );
  return lowering.full(output);
}

/** What the value of a node is lowered from: of an identity only what it is the value of, of a convolution not its windows. */
function lastingSources(node: Node): readonly Node[] {
  if (node.op === 'barrier' || node.op === 'custom') return sourcesOf(node).slice(0, 1);
  const found = convolutionOf(node);
  return found === null ? sourcesOf(node) : [found.images, found.weight];
}
