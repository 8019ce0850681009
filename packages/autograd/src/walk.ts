/** The reverse walk over a graph that builds the graph of gradients. */
import { formatShape, isFloat, nameScope, sameShape } from '@tessera/tensor';
import { type Node, stopsGradient, topologicalOrder, withDerivativeOf } from '@tessera/tensor/graph';
import { accumulate } from './accumulate.ts';
import { type BackwardStep, isDetecting, lookForNaN } from './anomaly.ts';
import { at } from './at.ts';
import { sourceGradients } from './rules.ts';

function checkGradient(node: Node, source: Node, gradient: Node): void {
  if (sameShape(source.shape, gradient.shape) && source.dtype === gradient.dtype) return;
  const rule = node.op === 'custom' ? `custom gradient '${node.arg.name}'` : `derivative rule of ${node.op}`;
  throw new Error(
    `${rule}: the gradient of a ${source.dtype} ${formatShape(source.shape)} input must have its dtype and shape, ` +
      `got ${gradient.dtype} ${formatShape(gradient.shape)}`,
  );
}

/** What is to be done at the end of each walk that is under way, innermost last. */
const walks: (() => void)[][] = [];

/** Calls `body` when the walk that is under way has sent all gradients. For derivatives of custom nodes, which are called within one. */
export function whenWalkEnds(body: () => void): void {
  const current = walks.at(-1);
  if (current === undefined) throw new Error('whenWalkEnds: no gradients are being built');
  current.push(body);
}

/**
 * Reverse mode: for f = sum over roots of <root, seed>, the graph of df/dtarget for each target, or null if no derivative path leads
 * from a root to it. Roots and targets may be any floating-point nodes, also inner ones; `seeds[k]` has the shape and dtype of
 * `roots[k]`.
 *
 * One walk in reverse topological order: when a node is reached, all its users have sent their part. Only nodes on a path to a target
 * are visited. The order depends only on the graph, so equal programs have equal graphs.
 */
export function gradientsOf(roots: readonly Node[], seeds: readonly Node[], targets: readonly Node[]): (Node | null)[] {
  const atEnd: (() => void)[] = [];
  walks.push(atEnd);
  try {
    const gradients = walk(roots, seeds, targets);
    for (const body of atEnd) body();
    return gradients;
  } finally {
    walks.pop();
  }
}

function walk(roots: readonly Node[], seeds: readonly Node[], targets: readonly Node[]): (Node | null)[] {
  const wanted = new Set(targets);
  const order = topologicalOrder(roots, stopsGradient);
  const leadsToTarget = new Set<Node>();
  for (const node of order)
    if (wanted.has(node) || (!stopsGradient(node) && node.sources.some((source) => leadsToTarget.has(source))))
      leadsToTarget.add(node);

  const parts = new Map<Node, Node[]>();
  const send = (node: Node, gradient: Node): void => {
    const known = parts.get(node);
    if (known === undefined) parts.set(node, [gradient]);
    else known.push(gradient);
  };
  for (const [k, root] of roots.entries()) send(root, at(seeds, k));

  const found = new Map<Node, Node>();
  const steps: BackwardStep[] | null = isDetecting() ? [] : null;
  for (const node of order.reverse()) {
    const terms = parts.get(node);
    parts.delete(node);
    if (terms === undefined || !leadsToTarget.has(node)) continue;
    const gradient = accumulate(terms);
    if (wanted.has(node)) found.set(node, gradient);
    if (stopsGradient(node) || !node.sources.some((source) => leadsToTarget.has(source))) continue;
    const scope = node.scope === '' ? '' : `${node.scope} backward`;
    const sent = nameScope(scope, () => withDerivativeOf(node, () => sourceGradients(node, gradient)));
    steps?.push({ node, sent: sent.map((part, k) => (leadsToTarget.has(at(node.sources, k)) ? part : null)) });
    for (const [k, part] of sent.entries()) {
      const source = at(node.sources, k);
      if (part === null || !isFloat(source.dtype) || !leadsToTarget.has(source)) continue;
      checkGradient(node, source, part);
      send(source, part);
    }
  }
  const gradients = targets.map((target) => found.get(target) ?? null);
  if (steps !== null) lookForNaN(steps, gradients);
  return gradients;
}
