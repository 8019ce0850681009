/**
 * The derivative of every operation: given a node y = f(x_0, x_1, ...) and the gradient g of some scalar with respect to y (a
 * node of y's shape and dtype), a rule builds the gradient with respect to each x_k. The types keep the tables complete: a new
 * operation does not compile until it has its rule.
 *
 * Rules build ordinary nodes, so a gradient can be differentiated again. If a derivative is cheaper in terms of y than of x, the
 * rule uses y, which is computed anyway.
 */

import { isFloat } from '@tessera/tensor';
import { addCheck, type BinaryOp, graph, type Node, type NodeOf, type Op, type UnaryOp } from '@tessera/tensor/graph';
import { at } from './at.ts';

/** One gradient for each source of `node`, in order; null for sources without gradient. */
type Rule<O extends Op> = (node: NodeOf<O>, gradient: Node) => readonly (Node | null)[];

const { binary, unary } = graph;

const add = (a: Node, b: Node): Node => binary('add', a, b);
const mul = (a: Node, b: Node): Node => binary('mul', a, b);
const div = (a: Node, b: Node): Node => binary('div', a, b);
const neg = (x: Node): Node => unary('neg', x);
const filled = (like: Node, value: number): Node => graph.constant(value, like.shape, like.dtype);
const scaled = (x: Node, factor: number): Node => mul(x, filled(x, factor));
const selected = (condition: Node, yes: Node): Node => graph.where(condition, yes, filled(yes, 0));
const rejected = (condition: Node, no: Node): Node => graph.where(condition, filled(no, 0), no);

const source = (node: NodeOf<Op>, k = 0): Node => at(node.sources, k);

type UnaryRule = (gradient: Node, x: Node, y: Node) => Node | null;

const unaryRules: { readonly [K in UnaryOp]: UnaryRule } = {
  neg: (g) => neg(g),
  // y = 1/x, y' = -1/x^2 = -y^2
  recip: (g, _, y) => neg(mul(mul(g, y), y)),
  // y = sqrt(x), y' = 1 / (2 y)
  sqrt: (g, _, y) => div(scaled(g, 0.5), y),
  exp: (g, _, y) => mul(g, y),
  log: (g, x) => div(g, x),
  sin: (g, x) => mul(g, unary('cos', x)),
  cos: (g, x) => neg(mul(g, unary('sin', x))),
  // Constant almost everywhere; its jumps have no derivative. Zeros instead of null, because the source is used.
  floor: (g) => filled(g, 0),
  // y' = 1 - y^2
  tanh: (g, _, y) => mul(g, add(filled(y, 1), neg(mul(y, y)))),
  // erf' = 2 / sqrt(pi) * exp(-x^2)
  erf: (g, x) => mul(g, scaled(unary('exp', neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
  // erfc' = -erf'
  erfc: (g, x) => mul(g, scaled(unary('exp', neg(mul(x, x))), -2 / Math.sqrt(Math.PI))),
  // y = exp(x) - 1, y' = y + 1
  expm1: (g, _, y) => mul(g, add(y, filled(y, 1))),
  exp2: (g, _, y) => mul(g, scaled(y, Math.LN2)),
  log1p: (g, x) => mul(g, unary('recip', add(x, filled(x, 1)))),
  log2: (g, x) => mul(g, unary('recip', scaled(x, Math.LN2))),
  log10: (g, x) => mul(g, unary('recip', scaled(x, Math.LN10))),
  // y' = 1 / (1 + x^2)
  atan: (g, x) => mul(g, unary('recip', add(mul(x, x), filled(x, 1)))),
  ceil: (g) => filled(g, 0),
  trunc: (g) => filled(g, 0),
  round: (g) => filled(g, 0),
  cast: (g, x) => (isFloat(x.dtype) ? graph.cast(g, x.dtype) : null),
};

type BinaryRule = (gradient: Node, a: Node, b: Node, y: Node) => readonly [Node | null, Node | null];

/** Comparisons return bool and these work on integers: nothing can be differentiated. */
const noDerivative: BinaryRule = () => [null, null];

const binaryRules: { readonly [K in BinaryOp]: BinaryRule } = {
  add: (g) => [g, g],
  mul: (g, a, b) => [mul(g, b), mul(g, a)],
  div: (g, _, b, y) => [div(g, b), neg(mul(g, div(y, b)))],
  // As in PyTorch, the exponent 0 has no gradient for its base (0 * infinity at 0), nor the base 0 for its exponent (0 * log 0).
  pow: (g, a, b, y) => {
    const zero = filled(b, 0);
    const less = b.op === 'const' ? graph.power(a, b.arg.value - 1) : binary('pow', a, add(b, filled(b, -1)));
    const isFlat = binary('and', binary('eq', a, zero), binary('or', binary('lt', zero, b), binary('eq', b, zero)));
    return [rejected(binary('eq', b, zero), mul(g, mul(b, less))), rejected(isFlat, mul(g, mul(y, unary('log', a))))];
  },
  // The larger operand gets the gradient; if both are equal, each gets half, as in PyTorch's `maximum`.
  max: (g, a, b) => {
    const shared = graph.where(binary('eq', a, b), scaled(g, 0.5), g);
    return [rejected(binary('lt', a, b), shared), rejected(binary('lt', b, a), shared)];
  },
  // y is a or -a, so the slope along a is y / a, and as in PyTorch 0 at a = 0; along b it is constant.
  copysign: (g, a, _, y) => [rejected(binary('eq', a, filled(a, 0)), mul(g, div(y, a))), filled(g, 0)],
  lt: noDerivative,
  eq: noDerivative,
  idiv: noDerivative,
  // y = a - b trunc(a / b), and the quotient is (a - y) / b up to its rounding.
  mod: (g, a, b, y) => {
    if (!isFloat(a.dtype)) return [null, null];
    const quotient = unary('floor', add(div(add(a, neg(y)), b), filled(b, 0.5)));
    return [g, neg(mul(g, quotient))];
  },
  and: noDerivative,
  or: noDerivative,
  xor: noDerivative,
  shl: noDerivative,
  shr: noDerivative,
};

/**
 * y = max over some axes: the gradient is shared equally by all elements that are equal to the maximum, as in PyTorch's `amax`. No element
 * equals a maximum of NaN: 0 / 0 makes its gradients NaN.
 */
function maximumRule(node: NodeOf<'reduce'>, gradient: Node): Node {
  const x = source(node);
  const isMaximum = binary('eq', x, graph.expand(node, x.shape));
  const count = graph.reduce('sum', graph.cast(isMaximum, x.dtype), node.arg.axes);
  const spread = (share: Node): Node => graph.expand(div(share, count), x.shape);
  return graph.where(isMaximum, spread(gradient), spread(filled(count, 0)));
}

function inversePermutation(axes: readonly number[]): number[] {
  const inverse = new Array<number>(axes.length);
  for (const [k, axis] of axes.entries()) inverse[axis] = k;
  return inverse;
}

/** Element i of the source is at `before + i` of the padded node. */
function padRule(node: NodeOf<'pad'>, gradient: Node): Node {
  const { before } = node.arg;
  const { shape } = source(node);
  return graph.shrink(
    gradient,
    before,
    before.map((n, axis) => n + at(shape, axis)),
  );
}

function shrinkRule(node: NodeOf<'shrink'>, gradient: Node): Node {
  const { start, end } = node.arg;
  const { shape } = source(node);
  return graph.pad(
    gradient,
    start,
    end.map((n, axis) => at(shape, axis) - n),
  );
}

/** What moves a gradient back to where the values came from. */
const adjoints = {
  allReduce: 'allReduce',
  allGather: 'reduceScatter',
  reduceScatter: 'allGather',
  allToAll: 'allToAll',
} as const;

/** Slices the gradient of a concatenation into those of its parts. */
function concatRule({ arg: { axis }, sources, shape }: NodeOf<'concat'>, gradient: Node): Node[] {
  let offset = 0;
  return sources.map((part) => {
    const start = shape.map((_, k) => (k === axis ? offset : 0));
    offset += at(part.shape, axis);
    const end = shape.map((n, k) => (k === axis ? offset : n));
    return graph.shrink(gradient, start, end);
  });
}

function customRule(node: NodeOf<'custom'>, gradient: Node): (Node | null)[] {
  const inputs = node.sources.slice(1);
  const gradients = node.arg.backward(gradient, inputs, node);
  if (gradients.length !== inputs.length)
    throw new Error(
      `custom gradient '${node.arg.name}': expected ${inputs.length} gradients, one for each input, got ${gradients.length}`,
    );
  return [null, ...gradients];
}

/**
 * The views' rules are their adjoints: a view copies each element of its source to some places, so the gradient of an element
 * is the sum of the gradients at these places.
 */
const rules: { readonly [O in Op]: Rule<O> } = {
  buffer: () => [],
  input: () => [],
  const: () => [],
  iota: () => [],
  random: () => [null],

  unary: (node, g) => [unaryRules[node.arg.kind](g, source(node), node)],
  binary: (node, g) => binaryRules[node.arg.kind](g, source(node, 0), source(node, 1), node),
  where: (node, g) => [null, selected(source(node), g), rejected(source(node), g)],
  reduce: (node, g) => [node.arg.kind === 'sum' ? graph.expand(g, source(node).shape) : maximumRule(node, g)],

  reshape: (node, g) => [graph.reshape(g, source(node).shape)],
  permute: (node, g) => [graph.permute(g, inversePermutation(node.arg.axes))],
  expand: (node, g) => {
    const { shape } = source(node);
    const repeated = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== node.shape[axis]);
    return [graph.reduce('sum', g, repeated)];
  },
  pad: (node, g) => [padRule(node, g)],
  shrink: (node, g) => [shrinkRule(node, g)],
  flip: (node, g) => [graph.flip(g, node.arg.axes)],
  window: (node, g) => [graph.fold(g, source(node).shape, node.arg.windows)],
  fold: (node, g) => [graph.window(g, node.arg.windows)],

  // C[out] = sum A[a] B[b]. C is linear in A, and dC/dA contracted with g is sum g[out] B[b] over the labels that A does not have:
  // the same contraction with A and C exchanged; likewise for B.
  contract: (node, g) => {
    const { a, b, out } = node.arg;
    return [
      graph.contract(g, source(node, 1), { a: out, b, out: a }),
      graph.contract(source(node, 0), g, { a, b: out, out: b }),
    ];
  },
  gather: (node, g) => {
    const { axis } = node.arg;
    const sums = graph.scatterAdd(g, source(node, 1), axis, at(source(node).shape, axis));
    // The gradient may be computed where the value is not.
    for (const check of node.checks) addCheck(sums, check);
    return [sums, null];
  },
  scatterAdd: (node, g) => [graph.gather(g, source(node, 1), node.arg.axis), null],
  concat: concatRule,
  // Of the sum of the losses of all ranks.
  collective: ({ arg }, g) => {
    const { kind, reduction } = arg;
    if (reduction !== 'sum' && (kind === 'allReduce' || kind === 'reduceScatter'))
      throw new Error(`grad: ${kind} with reduction ${reduction} has no derivative; detach its source or its result`);
    return [graph.collective(g, { ...arg, kind: adjoints[kind] })];
  },

  detach: () => [null],
  materialize: (_, g) => [g],
  barrier: (node, g) => node.sources.map((_, k) => (k === 0 ? g : null)),
  custom: customRule,
};

/** Applies the rule of `node`. Every gradient has the shape and dtype of its source. */
export function sourceGradients(node: Node, gradient: Node): readonly (Node | null)[] {
  const rule = rules[node.op] as Rule<Op>;
  return rule(node, gradient);
}
