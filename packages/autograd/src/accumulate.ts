/** Sums of gradients that reach the same node. */
import { graph, type Node } from '@tessera/tensor/graph';
import { at } from './at.ts';

/** A gradient that is zero outside one range of one axis, as the derivative of a slice is. */
interface Slab {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly body: Node;
}

function asSlab(node: Node): Slab | null {
  const [body] = node.sources;
  if (node.op !== 'pad' || body === undefined) return null;
  const padded = node.shape.map((_, axis) => axis).filter((axis) => node.shape[axis] !== body.shape[axis]);
  const [axis] = padded;
  if (axis === undefined || padded.length > 1) return null;
  const start = at(node.arg.before, axis);
  return { axis, start, end: start + at(body.shape, axis), body };
}

/** Slabs that do not overlap, as gradients of `shape`: adjacent ones are joined, and the rest is padded. */
function joinDisjoint(slabs: readonly Slab[], shape: readonly number[]): Node[] {
  const runs: { axis: number; start: number; end: number; bodies: Node[] }[] = [];
  for (const { axis, start, end, body } of slabs) {
    const run = runs.at(-1);
    if (run === undefined || run.end !== start) runs.push({ axis, start, end, bodies: [body] });
    else {
      run.end = end;
      run.bodies.push(body);
    }
  }
  return runs.map(({ axis, start, end, bodies }) => {
    const joined = graph.concat(bodies, axis);
    const before = shape.map((_, k) => (k === axis ? start : 0));
    const after = shape.map((n, k) => (k === axis ? n - end : 0));
    return graph.pad(joined, before, after);
  });
}

/**
 * Layers of slabs such that no two slabs of one layer overlap: in order of its start, each slab goes to the first layer that ends
 * before it starts.
 */
function layersOf(slabs: readonly Slab[]): Slab[][] {
  const layers: Slab[][] = [];
  for (const slab of [...slabs].sort((p, q) => p.start - q.start || p.end - q.end)) {
    const layer = layers.find((candidate) => (candidate.at(-1)?.end ?? 0) <= slab.start);
    if (layer === undefined) layers.push([slab]);
    else layer.push(slab);
  }
  return layers;
}

/**
 * The sum of the gradients that reach one node, in a fixed order. The gradient of a slice is padded; those of adjacent slices become a
 * concatenation, which writes every element once: the gradient of a packed projection that was sliced into query, key and value is the
 * concatenation of their three gradients.
 */
export function accumulate(terms: readonly Node[]): Node {
  const [first] = terms;
  if (first === undefined) throw new Error('accumulate: the list of gradients is empty');
  if (terms.length === 1) return first;
  const slabsByAxis = new Map<number, Slab[]>();
  const summands: Node[] = [];
  for (const term of terms) {
    const slab = asSlab(term);
    const sameAxis = slab === null ? undefined : slabsByAxis.get(slab.axis);
    if (slab === null) summands.push(term);
    else if (sameAxis === undefined) slabsByAxis.set(slab.axis, [slab]);
    else sameAxis.push(slab);
  }
  for (const slabs of slabsByAxis.values())
    for (const layer of layersOf(slabs)) summands.push(...joinDisjoint(layer, first.shape));
  return summands.reduce((total, term) => graph.binary('add', total, term));
}
