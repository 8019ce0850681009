/** Classification in the report: accuracy, confusion matrix, most frequent confusions, the scores of the classes and misclassified images. */
import { percent, whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { DataUri } from '../../report/report-data.ts';
import { classesCard } from './classes-card.ts';
import { type ClassificationMetrics, mostConfused } from './metrics.ts';

/** A classifier, trained or zero-shot, on one split. */
export interface ClassificationReport {
  readonly split: string;
  readonly description?: string;
  readonly classNames: readonly string[];
  readonly metrics: ClassificationMetrics;
  /** Some images that were misclassified. */
  readonly mistakes?: readonly {
    readonly image: DataUri;
    readonly truth: number;
    readonly prediction: number;
    /** Probability of the prediction, from 0 to 1. */
    readonly confidence?: number;
  }[];
}

/** Up to this number of classes the matrix is a table with numbers; above, it is a picture. */
const MAX_TABLE_CLASSES = 30;
/** Above this number of classes the matrix is left out, because it would not be readable. */
const MAX_MATRIX_CLASSES = 400;
const SHOWN_CONFUSIONS = 10;

/** Accuracy, confusion matrix, most confused pairs, scores of the classes and mistakes of each classifier. */
export function classificationSection(reports: readonly ClassificationReport[]): Html {
  return html`${reports.map(
    (report) => html`<section>
      <h2>Classification: ${report.split}</h2>
      ${report.description && html`<p class="note">${report.description}</p>`}
      <div class="stack">
        ${accuracyCard(report)}
        <div class="side-by-side">${matrixCard(report)} ${confusedCard(report)}</div>
        ${classesCard({ classNames: report.classNames, scores: report.metrics, counted: 'images', column: null })}
        ${mistakesCard(report)}
      </div>
    </section>`,
  )}`;
}

function accuracyCard({ metrics, classNames }: ClassificationReport): Html {
  const classes = classNames.length;
  const rows = [
    { label: 'Model', kind: 'model', shares: [metrics.top1, metrics.top5, metrics.balanced] },
    { label: 'Chance', kind: 'baseline', shares: [1 / classes, Math.min(1, 5 / classes), 1 / classes] },
  ];
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Accuracy <span class="note">· ${whole(metrics.count)} images, ${whole(classes)} classes</span></caption>
    <thead><tr><th></th><th scope="col">top-1</th><th scope="col">top-5</th><th scope="col">mean over classes</th></tr></thead>
    <tbody>${rows.map(
      ({ label, kind, shares }) =>
        html`<tr class="${kind}"><th scope="row">${label}</th>${shares.map(
          (share) =>
            html`<td>${percent(share)}<span class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></span></td>`,
        )}</tr>`,
    )}</tbody>
  </table></div></article>`;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function matrixCard(report: ClassificationReport): Html | undefined {
  const classes = report.classNames.length;
  if (classes > MAX_MATRIX_CLASSES) return undefined;
  return html`<article class="card">
    <h3>Confusion matrix</h3>
    <p class="note">Rows: the true class. Columns: the predicted class. Color: share of the row.</p>
    <div class="scroll">${classes <= MAX_TABLE_CLASSES ? matrixTable(report) : matrixPicture(report)}</div>
  </article>`;
}

function matrixTable({ metrics, classNames }: ClassificationReport): Html {
  return html`<table class="confusion">
    <thead><tr><th></th>${classNames.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
    <tbody>${metrics.confusion.map((row, truth) => {
      const support = sum(row);
      return html`<tr><th scope="row">${classNames[truth]}</th>${row.map((count, prediction) => {
        const share = support > 0 ? count / support : 0;
        const title = `${classNames[truth]} predicted as ${classNames[prediction]}: ${count} (${percent(share)})`;
        return html`<td class="${share > 0.55 ? 'strong' : 'weak'}" style="${heat(truth === prediction, share)}" title="${title}">${count > 0 ? count : ''}</td>`;
      })}</tr>`;
    })}</tbody>
  </table>`;
}

/** The color of a cell. Small shares are drawn stronger, because confusions of a few per cent would not be visible otherwise. */
const heat = (right: boolean, share: number): string =>
  `--hue:var(${right ? '--accent' : '--wrong'});--heat:${(100 * share ** 0.6).toFixed(0)}%`;

function matrixPicture({ metrics, classNames }: ClassificationReport): Html {
  const size = classNames.length;
  const cells = metrics.confusion.flatMap((row, truth) => {
    const support = sum(row);
    return row.flatMap((count, prediction) => {
      if (count === 0) return [];
      const opacity = Math.max(0.08, (count / support) ** 0.6).toFixed(2);
      const fill = truth === prediction ? '--accent' : '--wrong';
      return [
        html`<rect x="${prediction}" y="${truth}" width="1" height="1" fill="var(${fill})" fill-opacity="${opacity}"><title>${classNames[truth]} predicted as ${classNames[prediction]}: ${count}</title></rect>`,
      ];
    });
  });
  return html`<svg class="heat-map" viewBox="0 0 ${size} ${size}" role="img" aria-label="Confusion matrix" shape-rendering="crispEdges">${cells}</svg>`;
}

function confusedCard({ metrics, classNames }: ClassificationReport): Html | undefined {
  const confusions = mostConfused(metrics.confusion, SHOWN_CONFUSIONS);
  if (confusions.length === 0) return undefined;
  return html`<article class="card"><div class="scroll"><table class="names">
    <caption>Most frequent confusions</caption>
    <thead><tr><th>True class</th><th>Predicted</th><th>Images</th><th>Share of the class</th></tr></thead>
    <tbody>${confusions.map(
      ({ truth, prediction, count, share }) =>
        html`<tr><td>${classNames[truth]}</td><td>${classNames[prediction]}</td><td>${whole(count)}</td><td>${percent(share)}</td></tr>`,
    )}</tbody>
  </table></div></article>`;
}

function mistakesCard({ mistakes = [], classNames }: ClassificationReport): Html | undefined {
  if (mistakes.length === 0) return undefined;
  return html`<article class="card">
    <h3>Some misclassified images</h3>
    <div class="mistakes">${mistakes.map(
      ({ image, truth, prediction, confidence }) => html`<figure>
        <img class="plate" src="${image}" alt="${classNames[truth]}" loading="lazy">
        <figcaption>${classNames[truth]} → ${classNames[prediction]}${confidence === undefined ? '' : ` ${percent(confidence)}`}</figcaption>
      </figure>`,
    )}</div>
  </article>`;
}
