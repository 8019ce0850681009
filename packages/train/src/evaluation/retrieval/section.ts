/** Retrieval in the report: the recalls of each split, and examples as pictures. */
import { percent, rank, whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import { embeddingCard } from './embedding-card.ts';
import type { Recall } from './ranks.ts';
import type { ImageNeighbors, ImageQuery, RetrievalReport, TextQuery } from './report.ts';

interface Row {
  readonly label: string;
  readonly recall: Recall;
  readonly kind: 'model' | 'baseline';
}

/** The recalls of each split, compared with nearest pixels and chance, and then examples as pictures. */
export function retrievalSection(splits: readonly RetrievalReport[]): Html {
  return html`<section>
    <h2>Zero-shot retrieval</h2>
    <div class="stack">${splits.map(splitCard)}</div>
    ${splits.map(examples)}
  </section>`;
}

function splitCard({ split, description, metrics, pixels }: RetrievalReport): Html {
  const rows = (direction: 'imageToText' | 'textToImage'): [Row, ...Row[]] => [
    { label: 'Model', recall: metrics[direction], kind: 'model' },
    // If no concept occurs among the training images, nearest pixels cannot find anything.
    ...(pixels && pixels.known > 0
      ? [{ label: 'Nearest pixels', recall: pixels[direction], kind: 'baseline' } satisfies Row]
      : []),
    { label: 'Chance', recall: metrics.chance[direction], kind: 'baseline' },
  ];
  return html`<article class="card">
    <h3>${split}</h3>
    ${description && html`<p class="note">${description}</p>`}
    <div class="pair">
      ${recallTable('Image to text', rows('imageToText'))} ${recallTable('Text to image', rows('textToImage'))}
    </div>
  </article>`;
}

function recallTable(title: string, rows: readonly [Row, ...Row[]]): Html {
  const [{ recall }] = rows;
  return html`<div class="scroll"><table class="recall">
    <caption>${title} <span class="note">· ${whole(recall.queries)} queries, ${whole(recall.candidates)} candidates</span></caption>
    <thead><tr><th></th><th scope="col">R@1</th><th scope="col">R@5</th><th scope="col">R@10</th>
      <th scope="col" title="Median rank of the first right answer">median</th></tr></thead>
    <tbody>${rows.map(
      (row) => html`<tr class="${row.kind}"><th scope="row">${row.label}</th>
        ${[row.recall.r1, row.recall.r5, row.recall.r10].map(
          (share) =>
            html`<td>${percent(share)}<span class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></span></td>`,
        )}<td>${rank(row.recall.medianRank)}</td></tr>`,
    )}</tbody>
  </table></div>`;
}

function examples(report: RetrievalReport): Html | undefined {
  const { split, imageQueries = [], textQueries = [], imageNeighbors = [], embeddings } = report;
  if (imageQueries.length + textQueries.length + imageNeighbors.length === 0 && embeddings === undefined)
    return undefined;
  return html`<h2>Examples: ${split}</h2>
    <div class="stack">
      ${imageQueries.length > 0 && html`<div class="grid">${imageQueries.map(imageQueryCard)}</div>`}
      ${textQueries.length > 0 && html`<div class="grid">${textQueries.map(textQueryCard)}</div>`}
      ${imageNeighbors.length > 0 && html`<h3>Nearest pictures</h3><div class="charts">${imageNeighbors.map(neighborsCard)}</div>`}
      ${embeddings && embeddingCard(embeddings)}
    </div>`;
}

const mark = (right: boolean): string => (right ? '✓ ' : '');

function imageQueryCard({ image, caption, results }: ImageQuery): Html {
  return html`<article class="card image-query">
    <img class="plate" src="${image}" alt="${caption}" loading="lazy">
    <div>
      <p class="wanted">Caption: ${caption}</p>
      <ol class="answers">${results.map(
        ({ text, score, right }) =>
          html`<li class="${right ? 'right' : 'other'}"><span>${mark(right)}${text}</span><span class="score">${score.toFixed(2)}</span></li>`,
      )}</ol>
    </div>
  </article>`;
}

function textQueryCard({ text, results }: TextQuery): Html {
  return html`<article class="card text-query"><q>${text}</q>${pictures(results)}</article>`;
}

function neighborsCard({ image, caption, results }: ImageNeighbors): Html {
  return html`<article class="card image-query">
    <img class="plate" src="${image}" alt="${caption}" title="${caption}" loading="lazy">
    <div><p class="wanted">${caption}</p>${pictures(results)}</div>
  </article>`;
}

const pictures = (results: TextQuery['results']): Html =>
  html`<div class="pictures">${results.map(
    ({ image, caption, score, right }) => html`<figure class="${right ? 'right' : 'other'}">
    <img class="plate" src="${image}" alt="${caption}" title="${caption}" loading="lazy">
    <figcaption>${mark(right)}${score.toFixed(2)}</figcaption>
  </figure>`,
  )}</div>`;
