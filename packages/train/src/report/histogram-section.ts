/** The section of a report with the histograms of weights and gradients: a strip for each, with the steps from left to right. */
import type { Histogram, HistogramRecord } from '../loop/histograms.ts';
import type { Picture } from './draw.ts';
import { type Html, html } from './html.ts';
import { pixelsDataUri } from './pictures.ts';

/** The values that a strip shows, from bottom to top. */
type Range = readonly [low: number, high: number];

/** Rows of pixels of a strip. */
const rows = 32;
/** Columns of a strip at most: more would not be visible. */
export const stripColumns = 64;
/** With more parameters, the strips are shown on request. */
const alwaysShown = 24;

/** The values of a histogram. Where all are equal, it reaches from 0.5 below to 0.5 above that value. */
function spanOf({ range, counts }: Histogram): Range | null {
  if (range === null) return null;
  const [low, high] = range;
  const isConstant = Math.abs(high - low - 1) < 1e-9 && counts.filter((number) => number > 0).length === 1;
  const middle = (low + high) / 2;
  return isConstant ? [middle, middle] : range;
}

/** The range that contains the values of all histograms; null where none has one. */
export function commonRange(histograms: readonly Histogram[]): Range | null {
  const spans = histograms.flatMap((histogram) => {
    const span = spanOf(histogram);
    return span === null ? [] : [span];
  });
  if (spans.length === 0) return null;
  const low = Math.min(...spans.map(([value]) => value));
  const high = Math.max(...spans.map(([, value]) => value));
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/**
 * The shares of a histogram's values in `count` bins of equal width over another range, which contains its values. Those of a bin are taken
 * to be evenly spread over it.
 */
export function rebinned(histogram: Histogram, [low, high]: Range, count: number): number[] {
  const { counts } = histogram;
  const shares = new Array<number>(count).fill(0);
  const total = counts.reduce((sum, number) => sum + number, 0);
  const span = spanOf(histogram);
  if (span === null || total === 0) return shares;
  const [from, to] = span;
  const cell = (high - low) / count;
  if (from === to) {
    shares[Math.min(count - 1, Math.floor((from - low) / cell))] = 1;
    return shares;
  }
  const width = (to - from) / counts.length;
  for (const [k, number] of counts.entries()) {
    if (number === 0) continue;
    const start = (from + k * width - low) / cell;
    const end = start + width / cell;
    for (let row = Math.max(0, Math.floor(start)); row < Math.min(count, end); row++) {
      const overlap = Math.min(end, row + 1) - Math.max(start, row);
      if (overlap > 0) shares[row] = (shares[row] as number) + (number / total) * (overlap / (end - start));
    }
  }
  return shares;
}

/** A strip: a column for each histogram, a row for each bin, the largest values on top; the darker, the more values. */
export function heatStrip(histograms: readonly Histogram[], range: Range): Picture {
  const shares = histograms.map((histogram) => rebinned(histogram, range, rows));
  const pixels = new Uint8Array(rows * histograms.length * 3);
  for (const [x, column] of shares.entries()) {
    const largest = Math.max(...column);
    for (const [bin, share] of column.entries()) {
      // The root shows the tails, which a few percent of the values are in.
      const heat = largest === 0 ? 0 : Math.sqrt(share / largest);
      const at = ((rows - 1 - bin) * histograms.length + x) * 3;
      pixels.set([255 - 212 * heat, 255 - 160 * heat, 255 - 56 * heat], at);
    }
  }
  return { pixels, height: rows, width: histograms.length };
}

const number = (value: number): string => String(Number(value.toPrecision(2)));

async function stripOf(label: string, histograms: readonly Histogram[]): Promise<Html> {
  const range = commonRange(histograms);
  const missing = histograms.reduce((sum, { nonFinite = 0 }) => sum + nonFinite, 0);
  const note = missing === 0 ? '' : `, ${missing} not finite`;
  if (range === null) return html`<figure><figcaption>${label}: no finite values${note}</figcaption></figure>`;
  const { pixels, ...size } = heatStrip(histograms, range);
  const uri = await pixelsDataUri(pixels, { ...size, channels: 3 });
  const [low, high] = range;
  return html`<figure><img class="plate" src="${uri}" alt="histograms of ${label}"><figcaption>${label}, ${number(low)} to ${number(high)}${note}</figcaption></figure>`;
}

/** The section; null without histograms. @param records at most `stripColumns` */
export async function histogramSection(records: readonly HistogramRecord[]): Promise<Html | null> {
  const [first] = records;
  const last = records.at(-1);
  if (first === undefined || last === undefined) return null;
  const names = [...new Set(records.flatMap(({ parameters }) => Object.keys(parameters)))];
  const strips: Html[] = [];
  for (const name of names) {
    const shown = records.flatMap(({ parameters }) => parameters[name] ?? []);
    const weights = await stripOf(
      'weights',
      shown.map(({ weight }) => weight),
    );
    const gradients = await stripOf(
      'gradients',
      shown.map(({ gradient }) => gradient),
    );
    strips.push(html`<div class="histogram"><h3>${name}</h3>${weights}${gradients}</div>`);
  }
  const all = html`<div class="histograms">${strips}</div>`;
  return html`<section>
    <h2>Weights and gradients</h2>
    <div class="card">
      <p class="note">Histograms from step ${first.step} to ${last.step}, from left to right; larger values are higher, and darker places have more values.</p>
      ${strips.length <= alwaysShown ? all : html`<details><summary>${names.length} parameters</summary>${all}</details>`}
    </div>
  </section>`;
}
