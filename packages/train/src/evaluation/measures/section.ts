/** Measures of a model in the report: the numbers of each split, and examples as pictures. */
import { fact, percent } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';

/** How a number is written: a share as a percentage, or with three decimals. */
export type MeasureFormat = 'percent' | 'number';

interface MeasureReport {
  readonly label: string;
  readonly value: number | null;
  readonly format: MeasureFormat;
}

export interface MeasuresReport {
  readonly split: string;
  /** The number of examples. */
  readonly count: number;
  readonly measures: readonly MeasureReport[];
  /** Pictures of examples; undefined where there are none. */
  readonly examples: Html | undefined;
}

export const formatMeasure = (value: number | null, format: MeasureFormat): string => {
  if (value === null) return '–';
  return format === 'percent' ? percent(value) : value.toFixed(3);
};

export function measuresSection(reports: readonly MeasuresReport[]): Html {
  return html`${reports.map(
    ({ split, count, measures, examples }) => html`<section>
      <h2>Evaluation: ${split}</h2>
      <div class="stack">
        <div class="card"><dl class="facts"><div><dt>Images</dt><dd>${fact(count)}</dd></div>${measures.map(
          ({ label, value, format }) => html`<div><dt>${label}</dt><dd>${formatMeasure(value, format)}</dd></div>`,
        )}</dl></div>
        ${examples}
      </div>
    </section>`,
  )}`;
}
