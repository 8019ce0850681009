/** Formats results of evaluation for the terminal. */
import type { EvaluationResult } from '@tessera/train';
import { byKind, resultTables } from '@tessera/train/evaluation';
import { formatTable } from './table.ts';

/** A table for each kind of result, with its notes. */
export const formatResults = (results: readonly EvaluationResult[]): string =>
  resultTables(results)
    .map(({ headings, rows, notes = [] }) => [formatTable(headings, rows), ...notes].join('\n'))
    .join('\n\n');

/** The results of the weights at one position between two models. */
export interface InterpolatedResults {
  readonly alpha: number;
  readonly results: readonly EvaluationResult[];
}

/** One row for each position, one column for each split and measure. */
export function formatInterpolation(places: readonly InterpolatedResults[]): string {
  const measures = ({ results }: InterpolatedResults): [string, string][] =>
    [...byKind(results)].flatMap(([kind, group]) =>
      group.flatMap((result) =>
        Object.entries(kind.headline(result)).map(([name, value]): [string, string] => [
          `${result.split}: ${name}`,
          value,
        ]),
      ),
    );
  const headings = places.slice(0, 1).flatMap((place) => measures(place).map(([name]) => name));
  const rows = places.map((place) => [String(place.alpha), ...measures(place).map(([, value]) => value)]);
  return formatTable(['alpha', ...headings], rows);
}
