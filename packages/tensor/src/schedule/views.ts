/** The view operations of the graph, applied to views of kernels. */
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import {
  expandView,
  flipView,
  padView,
  permuteView,
  reshapeView,
  shrinkView,
  type View,
  windowView,
} from '../kernel/view.ts';

/** Applies a view operation to a view; null for a reshape that requires a copy. */
export function applyView(view: View, node: Node): View | null {
  switch (node.op) {
    case 'reshape':
      return reshapeView(view, node.shape);
    case 'permute':
      return permuteView(view, node.arg.axes);
    case 'expand':
      return expandView(view, node.shape);
    case 'pad':
      return padView(view, node.arg.before, node.arg.after);
    case 'shrink':
      return shrinkView(view, node.arg.start, node.arg.end);
    case 'flip':
      return flipView(view, node.arg.axes);
    case 'window':
      return windowView(view, node.arg.windows);
    case 'barrier':
      return view;
    default:
      throw new Error(`${node.op} is not a view`);
  }
}

/** Applies all operations of a chain, the first one first; null if one of them requires a copy. */
export function viewThrough(view: View, chain: readonly Node[]): View | null {
  let current: View | null = view;
  for (const node of chain) {
    current = applyView(current, node);
    if (current === null) return null;
  }
  return current;
}

/**
 * The view at which the source of a chain must be stored so that, seen through the chain, it is at `view`: the inverse of `viewThrough`,
 * for chains that only reorder elements. Null for others.
 */
export function viewBelow(view: View, chain: readonly Node[]): View | null {
  let current: View | null = view;
  for (const node of [...chain].reverse()) {
    if (node.op === 'permute') {
      const { axes } = node.arg;
      current = permuteView(
        current,
        axes.map((_, k) => axes.indexOf(k)),
      );
    } else if (node.op === 'reshape') current = reshapeView(current, nth(node.sources, 0).shape);
    else return null;
    if (current === null) return null;
  }
  return current;
}

/**
 * The view over other axes: new axis j is old axis `axes[j]`, or, for -1, an axis of size 1. Old axes that are not named must have
 * size 1.
 */
export function selectAxes(view: View, axes: readonly number[]): View {
  const pick = (values: readonly number[], otherwise: number): number[] =>
    axes.map((axis) => (axis < 0 ? otherwise : nth(values, axis)));
  return {
    shape: pick(view.shape, 1),
    offset: view.offset,
    strides: pick(view.strides, 0),
    guards: view.guards.map((guard) => ({ ...guard, coefficients: pick(guard.coefficients, 0) })),
  };
}

/**
 * A view of an operand as a view over a kernel's domain: operand axis k runs along domain axis `axes[k]` (-1 for size 1). The operand
 * does not vary along other axes of the domain.
 */
export function overDomain(view: View, axes: readonly number[], domain: readonly number[]): View {
  const place = (values: readonly number[]): number[] => {
    const result = new Array<number>(domain.length).fill(0);
    axes.forEach((axis, k) => {
      if (axis >= 0) result[axis] = nth(result, axis) + nth(values, k);
    });
    return result;
  };
  return {
    shape: domain,
    offset: view.offset,
    strides: place(view.strides),
    guards: view.guards.map((guard) => ({ ...guard, coefficients: place(guard.coefficients) })),
  };
}
