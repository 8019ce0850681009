/** Multi-label classification in the report: the metrics of each split, of each class, and pictures. */
import { percent, whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { MultiLabelMetrics, TagMetrics } from './metrics.ts';

export interface MultiLabelReport {
  readonly split: string;
  readonly classNames: readonly string[];
  readonly metrics: MultiLabelMetrics;
  /** Pictures of examples; undefined where there are none. */
  readonly examples: Html | undefined;
}

/** The classes with their names, those that are found best first and those that do not occur last. */
export const byAveragePrecision = ({
  classNames,
  metrics,
}: Pick<MultiLabelReport, 'classNames' | 'metrics'>): (TagMetrics & { readonly name: string })[] =>
  metrics.perClass
    .map((each, c) => ({ ...each, name: classNames[c] ?? String(c) }))
    .sort((a, b) => (b.averagePrecision ?? -1) - (a.averagePrecision ?? -1));

export const multiLabelSection = (reports: readonly MultiLabelReport[]): Html =>
  html`${reports.map(
    (report) => html`<section>
      <h2>Multi-label classification: ${report.split}</h2>
      <div class="stack">${summaryCard(report)} ${classesCard(report)} ${report.examples}</div>
    </section>`,
  )}`;

/** A share with a bar below it; a dash where it is not defined. */
const shareCell = (share: number | null): Html =>
  share === null
    ? html`<td>–</td>`
    : html`<td>${percent(share)}<span class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></span></td>`;

function summaryCard({ metrics }: MultiLabelReport): Html {
  const { count, meanAveragePrecision, chance, micro, macro, threshold, perClass } = metrics;
  const occurring = perClass.filter(({ support }) => support > 0).length;
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Mean average precision <span class="note">· ${whole(count)} images, ${whole(occurring)} classes that occur</span></caption>
    <tbody>
      <tr class="model"><th scope="row">Model</th>${shareCell(meanAveragePrecision)}</tr>
      <tr class="baseline"><th scope="row">Chance</th>${shareCell(chance)}</tr>
    </tbody>
  </table>
  <table class="recall">
    <caption>Classes of a probability of at least ${threshold}</caption>
    <thead><tr><th></th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th></tr></thead>
    <tbody>${Object.entries({ 'All decisions (micro)': micro, 'Mean over classes (macro)': macro }).map(
      ([label, { precision, recall, f1 }]) =>
        html`<tr><th scope="row">${label}</th>${[precision, recall, f1].map(shareCell)}</tr>`,
    )}</tbody>
  </table></div></article>`;
}

function classesCard(report: MultiLabelReport): Html {
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Classes</caption>
    <thead><tr><th scope="col">class</th><th scope="col">images</th><th scope="col">average precision</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th></tr></thead>
    <tbody>${byAveragePrecision(report).map(
      ({ name, support, averagePrecision, precision, recall, f1 }) =>
        html`<tr><th scope="row">${name}</th><td>${whole(support)}</td>${[averagePrecision, precision, recall, f1].map(shareCell)}</tr>`,
    )}</tbody>
  </table></div></article>`;
}
