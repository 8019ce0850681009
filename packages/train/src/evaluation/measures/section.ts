/** Measures of a model in the report: the numbers of each split, and examples as pictures. */
import { fact, percent } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';

/** How a number is written: a share as a percentage, or with three decimals. */
export type MeasureFormat = 'percent' | 'number';

/** How a measure is shown. */
export interface MeasureLook {
  readonly label: string;
  readonly format: MeasureFormat;
}

interface MeasureReport extends MeasureLook {
  readonly value: number | null;
}

export interface MeasuresReport {
  readonly split: string;
  /** The number of examples. */
  readonly count: number;
  readonly measures: readonly MeasureReport[];
  /** The scores of the classes; undefined where the model does not decide between classes. */
  readonly classes: Html | undefined;
  /** Pictures of examples; undefined where there are none. */
  readonly examples: Html | undefined;
}

export const formatMeasure = (value: number | null, format: MeasureFormat): string => {
  if (value === null) return '–';
  return format === 'percent' ? percent(value) : value.toFixed(3);
};

export function measuresSection(reports: readonly MeasuresReport[]): Html {
  return html`${reports.map(
    ({ split, count, measures, classes, examples }) => html`<section>
      <h2>Evaluation: ${split}</h2>
      <div class="stack">
        <div class="card"><dl class="facts"><div><dt>Images</dt><dd>${fact(count)}</dd></div>${measures.map(
          ({ label, value, format }) => html`<div><dt>${label}</dt><dd>${formatMeasure(value, format)}</dd></div>`,
        )}</dl></div>
        ${classes}
        ${examples}
      </div>
    </section>`,
  )}`;
}
