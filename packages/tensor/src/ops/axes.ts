import { normalizeAxis } from '../kernel/shape.ts';

export type Axes = number | readonly number[];

/** Axes counted from the front, in ascending order, each once; without `axes` all of them. */
export function normalizeAxes(axes: Axes | undefined, rank: number, op: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  const normalized = list.map((axis) => normalizeAxis(axis, rank, op));
  if (new Set(normalized).size !== normalized.length)
    throw new RangeError(`${op}: axes [${list.join(', ')}] name an axis twice`);
  return normalized.sort((a, b) => a - b);
}
