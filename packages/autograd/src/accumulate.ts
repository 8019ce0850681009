import { graph, type Node } from '@tessera/tensor/graph';

/** A gradient that is zero outside one range of one axis: what comes back from a slice. */
interface Slab {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly body: Node;
}

function asSlab(node: Node): Slab | null {
  if (node.op !== 'pad') return null;
  const body = node.sources[0] as Node;
  const padded = node.shape.map((_, axis) => axis).filter((axis) => node.shape[axis] !== body.shape[axis]);
  const [axis] = padded;
  if (axis === undefined || padded.length > 1) return null;
  const start = node.arg.before[axis] as number;
  return { axis, start, end: start + (body.shape[axis] as number), body };
}

/** Slabs that do not overlap, as one gradient of `shape`: neighbours are joined, what remains uncovered is padded. */
function joinDisjoint(slabs: readonly Slab[], shape: readonly number[]): Node[] {
  const runs: Slab[][] = [];
  for (const slab of slabs) {
    const run = runs.at(-1);
    if (run?.at(-1)?.end === slab.start) run.push(slab);
    else runs.push([slab]);
  }
  return runs.map((run) => {
    const { axis, start } = run[0] as Slab;
    const { end } = run.at(-1) as Slab;
    const joined = graph.concat(
      run.map((slab) => slab.body),
      axis,
    );
    const before = shape.map((_, k) => (k === axis ? start : 0));
    const after = shape.map((n, k) => (k === axis ? n - end : 0));
    return graph.pad(joined, before, after);
  });
}

/**
 * Layers of slabs such that no two of one layer overlap: each slab goes, in order of its start, to the first layer that ends
 * before it begins.
 */
function layersOf(slabs: readonly Slab[]): Slab[][] {
  const layers: Slab[][] = [];
  for (const slab of [...slabs].sort((p, q) => p.start - q.start || p.end - q.end)) {
    const layer = layers.find((candidate) => (candidate.at(-1) as Slab).end <= slab.start);
    if (layer === undefined) layers.push([slab]);
    else layer.push(slab);
  }
  return layers;
}

/**
 * The sum of the gradients that reach one node, in a fixed order. Slices of one tensor send back padded gradients; those that
 * lie side by side become a concatenation, which writes every element once: the gradient of a packed projection that was cut
 * into query, key and value is their three gradients joined.
 */
export function accumulate(terms: readonly Node[]): Node {
  const [first] = terms;
  if (first === undefined) throw new Error('accumulate: no gradients to add');
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
