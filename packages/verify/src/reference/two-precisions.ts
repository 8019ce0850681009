/** The same pass in f32, on the backend that is tested, and in f64, on the oracle: every operation with both of its values. */
import { getBackend, isFloat, realize, setDefaultBackend, Tensor, tensor } from '@tessera/tensor';
import { makeNode, type Node, topologicalOrder } from '@tessera/tensor/graph';
import type { SafetensorsTensor } from '@tessera/tensor/safetensors';
import type { ReferenceCase } from './case.ts';
import { openSession, type Session } from './session.ts';
import { comparisonsOf, describePass, type Pass } from './single.ts';

type Values = ArrayLike<number>;

/** One operation of the pass. */
export interface Operation {
  readonly node: Node;
  readonly sources: readonly Operation[];
  readonly single: Values;
  readonly double: Values;
}

/** The case with all floating-point tensors in f64. */
export function widened(reference: ReferenceCase): ReferenceCase {
  const widen = (value: SafetensorsTensor): SafetensorsTensor =>
    value.dtype === 'F32' ? { ...value, dtype: 'F64', data: Float64Array.from(value.data as Float32Array) } : value;
  const tensors = new Map([...reference.tensors].map(([name, value]) => [name, widen(value)]));
  return { ...reference, dtype: 'f64', tensors };
}

/** Runs `body` with the oracle as the default backend. */
export async function onOracle<T>(body: () => Promise<T>): Promise<T> {
  const previous = getBackend().name;
  setDefaultBackend('reference');
  try {
    return await body();
  } finally {
    setDefaultBackend(previous);
  }
}

interface Described {
  readonly session: Session;
  readonly pass: Pass;
  /** In an order in which sources come before their users, with the sources, which a computed node may forget. */
  readonly nodes: readonly { readonly node: Node; readonly sources: readonly Node[] }[];
  /** The nodes through which derivatives of the loss flow, and those at the border, which choose what flows. */
  readonly differentiated: ReadonlySet<Node>;
}

const stopsGradient = (node: Node): boolean => !node.differentiable || !isFloat(node.dtype) || node.op === 'detach';

/** A cast between floating-point types may be there in one precision only. */
const isFloatCast = ({ node, sources }: Described['nodes'][number]): boolean =>
  node.op === 'unary' && node.arg.kind === 'cast' && [node, ...sources].every(({ dtype }) => isFloat(dtype));

function describeNodes(reference: ReferenceCase): Described {
  const session = openSession(reference);
  const pass = describePass(session);
  const roots = [pass.loss, ...comparisonsOf(pass).map(({ own }) => own)];
  const order = topologicalOrder(roots.map(({ node }) => node));
  return {
    session,
    pass,
    nodes: order.map((node) => ({ node, sources: node.sources })),
    differentiated: new Set(topologicalOrder([pass.loss.node], stopsGradient)),
  };
}

async function valuesOf(nodes: Described['nodes']): Promise<Values[]> {
  const tensors = nodes.map(({ node }) => Tensor.fromNode(node));
  await realize(...tensors);
  return Promise.all(tensors.map((each) => each.data()));
}

/**
 * The operations of the pass with their values in both precisions, in the order of computation. Null if the module computes something else
 * in f64, so that operations cannot be matched.
 */
export async function operationsOf(
  reference: ReferenceCase,
): Promise<{ differentiated: ReadonlySet<Node>; operations: Operation[] } | null> {
  const single = describeNodes(reference);
  const singleValues = await valuesOf(single.nodes);
  return onOracle(async () => {
    const double = describeNodes(widened(reference));
    const doubleValues = await valuesOf(double.nodes);
    const kept = (nodes: Described['nodes']): number[] => nodes.flatMap((each, k) => (isFloatCast(each) ? [] : [k]));
    const [own, other] = [kept(single.nodes), kept(double.nodes)];
    if (own.length !== other.length) return null;
    const operations = new Map<Node, Operation>();
    /** Sources, looking through casts. */
    const through = new Map(single.nodes.map(({ node, sources }) => [node, sources]));
    const operationOf = (node: Node): Operation[] => {
      const known = operations.get(node);
      if (known !== undefined) return [known];
      return (through.get(node) ?? []).flatMap(operationOf);
    };
    for (const [k, position] of own.entries()) {
      const { node, sources } = single.nodes[position] as Described['nodes'][number];
      const match = double.nodes[other[k] as number];
      if (match === undefined || match.node.op !== node.op) return null;
      operations.set(node, {
        node,
        sources: sources.flatMap(operationOf),
        single: singleValues[position] as Values,
        double: doubleValues[other[k] as number] as Values,
      });
    }
    return { differentiated: single.differentiated, operations: [...operations.values()] };
  });
}

const largest = (values: Values): number => {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] ?? 0));
  return most;
};

/** The largest difference, relative to the largest value; infinite where only one of two values is a number. */
export function differenceOf(values: Values, expected: Values): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [values[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    if (Object.is(a, b) || a === b) continue;
    const difference = Math.abs(a - b);
    most = Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return most === 0 ? 0 : most / Math.max(largest(expected), Number.MIN_VALUE);
}

/** The result of one operation in double precision for the inputs that it had in f32. */
export function exactResult({ node, sources }: Operation): Promise<Values> {
  return onOracle(async () => {
    const inputs = sources.map(
      ({ node: { shape, dtype }, single }) =>
        tensor(dtype === 'f32' ? Float64Array.from(single) : Array.from(single), {
          shape: [...shape],
          dtype: dtype === 'f32' ? 'f64' : dtype,
        }).node,
    );
    const dtype = node.dtype === 'f32' ? 'f64' : node.dtype;
    return Tensor.fromNode(makeNode(node.op, inputs, node.arg, node.shape, dtype)).data();
  });
}
