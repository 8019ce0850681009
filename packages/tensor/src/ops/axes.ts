/** Axes as users name them: one or several, also counted from the end. */
import { normalizeAxis } from '../kernel/shape.ts';

/** One axis or several; negative ones count from the end. */
export type Axes = number | readonly number[];

/** Whether these are the axis 0 or -1 of a scalar, which may be named as if a scalar were a vector of one element, as in PyTorch. */
const ofScalar = (list: readonly number[], rank: number): boolean =>
  rank === 0 && list.length === 1 && (list[0] === 0 || list[0] === -1);

/** The axes counted from the front, in ascending order; all axes if none are named. Throws if an axis is named twice. */
export function normalizeAxes(axes: Axes | undefined, rank: number, op: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  if (ofScalar(list, rank)) return [];
  const normalized = list.map((axis) => normalizeAxis(axis, rank, op));
  if (new Set(normalized).size !== normalized.length)
    throw new RangeError(`${op}: axes [${list.join(', ')}] name an axis twice`);
  return normalized.sort((a, b) => a - b);
}
