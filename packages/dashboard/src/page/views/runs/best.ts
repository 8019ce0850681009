/** The best and the last value of each measure of a run. */
import { inUsualOrder, type Look, lookOf } from '@tessera/train/charts';
import type { EvaluationPoint } from '../../../shared/api.ts';

/** A value, and the step that it belongs to. */
export interface Reached {
  readonly value: number;
  readonly step: number;
}

export interface MeasureColumn {
  readonly name: string;
  readonly look: Look;
}

/** The splits of some evaluations, in the order in which they first occur. */
export const splitsOf = (evaluations: Iterable<readonly EvaluationPoint[]>): string[] => [
  ...new Set([...evaluations].flatMap((points) => points.map(({ split }) => split))),
];

/** The measures that any evaluation of a split has. */
export function measuresOf(evaluations: Iterable<readonly EvaluationPoint[]>, split: string): MeasureColumn[] {
  const names = new Set(
    [...evaluations].flatMap((points) =>
      points.flatMap((point) => (point.split === split ? Object.keys(point.values) : [])),
    ),
  );
  return inUsualOrder('evaluation', names).map((name) => ({ name, look: lookOf('evaluation', name) }));
}

/** The best value of a measure, the first of equal ones; null without a value. */
export function bestOf(
  points: readonly EvaluationPoint[],
  split: string,
  { name, look }: MeasureColumn,
): Reached | null {
  let best: Reached | null = null;
  for (const { split: own, values, at } of points) {
    const value = values[name];
    if (own !== split || value == null || at.step === null) continue;
    const isBetter = best === null || (look.better === 'lower' ? value < best.value : value > best.value);
    if (isBetter) best = { value, step: at.step };
  }
  return best;
}

/** Whether a value is the best of its column, in which not all are equal. */
export function isBestOfAll(value: number, others: readonly (number | null)[], { look }: MeasureColumn): boolean {
  const present = others.filter((other) => other !== null);
  const [low, high] = [Math.min(...present), Math.max(...present)];
  return low < high && value === (look.better === 'lower' ? low : high);
}

/** A table as CSV (RFC 4180). */
export const formatCsv = (rows: readonly (readonly (string | number | null)[])[]): string =>
  rows
    .map((row) =>
      row
        .map((cell) => {
          const text = cell === null ? '' : String(cell);
          return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        })
        .join(','),
    )
    .join('\r\n');
