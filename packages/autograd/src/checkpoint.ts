/** Gradient checkpointing: less memory, because intermediate values are computed again in the backward pass. */
import { isFloat, sizeOf, Tensor } from '@tessera/tensor';
import {
  areGradientsEnabled,
  type CustomGradient,
  graph,
  makeNode,
  type Node,
  topologicalOrder,
  withGradients,
} from '@tessera/tensor/graph';
import { at } from './at.ts';
import { gradientsOf } from './walk.ts';

/** A copy of the graph of `root` on other leaves: every node that depends on a key of `leaves` is created again. */
function copyOnto(root: Node, leaves: ReadonlyMap<Node, Node>): Node {
  const copies = new Map(leaves);
  for (const node of topologicalOrder([root], (candidate) => leaves.has(candidate))) {
    if (copies.has(node)) continue;
    const sources = node.sources.map((source) => copies.get(source) ?? source);
    if (sources.every((source, k) => source === node.sources[k])) continue;
    const copy = withGradients(node.differentiable, () => makeNode(node.op, sources, node.arg, node.shape, node.dtype));
    copies.set(node, copy);
  }
  return copies.get(root) ?? root;
}

/**
 * The derivative of a segment of the graph by computing the segment again. The graph of the segment is below the custom node, so the
 * copy uses the same random bits and does not run the user's code twice. Every input of the copy is a barrier: the copy is never merged
 * with the first computation, and waits for the gradient of the segment's output.
 */
const recompute: CustomGradient = {
  name: 'checkpoint',
  backward: (gradient, inputs, output) => {
    const late = withGradients(true, () => inputs.map((input) => graph.barrier(input, [gradient])));
    const again = copyOnto(at(output.sources, 0), new Map(inputs.map((input, k) => [input, at(late, k)])));
    return gradientsOf([again], [gradient], late);
  },
};

/** Several values of one dtype as one vector, and the reverse: they share one recomputation. */
function pack(values: readonly Node[]): { packed: Node; unpack: (packed: Node) => Node[] } {
  const [first, ...others] = values;
  if (first !== undefined && others.length === 0) return { packed: first, unpack: (packed) => [packed] };
  const flat = values.map((value) => graph.reshape(value, [sizeOf(value.shape)]));
  const unpack = (packed: Node): Node[] => {
    let offset = 0;
    return values.map((value) => {
      const start = offset;
      offset += sizeOf(value.shape);
      return graph.reshape(graph.shrink(packed, [start], [offset]), value.shape);
    });
  };
  return { packed: graph.concat(flat, 0), unpack };
}

/**
 * Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): the returned function computes the same as
 * `fn`, but keeps only its inputs for the backward pass, which computes the intermediate values again. Gradients flow to the inputs and
 * to every tensor that `fn` captures, such as a layer's parameters. Random numbers are the same both times. `fn` itself is called once
 * and may return one tensor or several.
 */
export function checkpoint<Arguments extends unknown[], Result extends Tensor | readonly Tensor[]>(
  fn: (...args: Arguments) => Result,
): (...args: Arguments) => Result {
  return (...args) => {
    if (!areGradientsEnabled()) return fn(...args);
    // Nodes are numbered in the order of their creation: older nodes than this one come from outside.
    const first = graph.constant(0).id;
    const result = fn(...args);
    const outputs: readonly Tensor[] = result instanceof Tensor ? [result] : (result as readonly Tensor[]);

    const isInput = (node: Node): boolean => node.id < first || node.op === 'buffer' || node.op === 'input';
    const replaced = new Map<Node, Node>();
    for (const dtype of ['f32', 'f64', 'f16', 'bf16'] as const) {
      const values = [...new Set(outputs.map((output) => output.node))].filter(
        (node) => node.dtype === dtype && node.differentiable && !isInput(node),
      );
      if (values.length === 0) continue;
      const inputs = topologicalOrder(values, isInput).filter(
        (node) => isInput(node) && node.op !== 'const' && node.op !== 'iota',
      );
      if (!inputs.some((node) => isFloat(node.dtype))) continue;
      const { packed, unpack } = pack(values);
      for (const [k, node] of unpack(graph.custom(packed, inputs, recompute)).entries())
        replaced.set(at(values, k), node);
    }
    const wrapped = outputs.map((output) => {
      const node = replaced.get(output.node);
      return node === undefined ? output : Tensor.fromNode(node);
    });
    return (result instanceof Tensor ? wrapped[0] : wrapped) as Result;
  };
}
