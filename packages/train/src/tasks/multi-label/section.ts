/** Multi-label classification in the report: the metrics of each split, of each class, and pictures. */
import { type ClassesReport, classesCard, shareCell } from '../../evaluation/classification/classes-card.ts';
import { whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { MultiLabelMetrics } from './metrics.ts';

export interface MultiLabelReport {
  readonly split: string;
  readonly classNames: readonly string[];
  readonly metrics: MultiLabelMetrics;
  /** Pictures of examples; undefined where there are none. */
  readonly examples: Html | undefined;
}

/** The scores of the classes, ordered by their average precision. */
export const tagScores = ({
  classNames,
  metrics,
}: Pick<MultiLabelReport, 'classNames' | 'metrics'>): ClassesReport => ({
  classNames,
  scores: metrics,
  counted: 'images',
  note: `predicted from a probability of ${metrics.threshold} on`,
  column: {
    label: 'average precision',
    values: metrics.perClass.map(({ averagePrecision }) => averagePrecision),
  },
});

export const multiLabelSection = (reports: readonly MultiLabelReport[]): Html =>
  html`${reports.map(
    (report) => html`<section>
      <h2>Multi-label classification: ${report.split}</h2>
      <div class="stack">${summaryCard(report)} ${classesCard(tagScores(report))} ${report.examples}</div>
    </section>`,
  )}`;

function summaryCard({ metrics }: MultiLabelReport): Html {
  const { count, meanAveragePrecision, chance, perClass } = metrics;
  const occurring = perClass.filter(({ support }) => support > 0).length;
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Mean average precision <span class="note">· ${whole(count)} images, ${whole(occurring)} classes that occur</span></caption>
    <tbody>
      <tr class="model"><th scope="row">Model</th>${shareCell(meanAveragePrecision)}</tr>
      <tr class="baseline"><th scope="row">Chance</th>${shareCell(chance)}</tr>
    </tbody>
  </table></div></article>`;
}
