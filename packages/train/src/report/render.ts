/** Renders the report of a run. */
import { formatEpochs } from '../loop/run-length.ts';
import { chartScripts, chartSection, chartStyles } from './chart-section.ts';
import { evaluationCharts, stepCharts } from './curves.ts';
import { fact, percent } from './format.ts';
import { Html, html } from './html.ts';
import { renderPage } from './page.ts';
import type { ReportData } from './report-data.ts';
import { resultsScript } from './results-script.ts';
import type { Highlight } from './section.ts';

/** A run's report as one self-contained HTML page. */
export function renderReport(data: ReportData): string {
  const { sections = [] } = data;
  const perStep = stepCharts(data.records);
  const perEpoch = evaluationCharts(data.records);
  const charts = [...perStep, ...perEpoch];
  return renderPage({
    kind: 'training report',
    title: data.title,
    ...(data.subtitle === undefined ? {} : { subtitle: data.subtitle }),
    highlights: highlights(data),
    styles: charts.length > 0 ? chartStyles() : null,
    content: html`<div class="results">${sections.map((section) => section.html)}</div>
  <div class="details">
  ${chartSection('Training', perStep, 0)}
  ${chartSection(evaluationTitle(perEpoch[0]?.x ?? []), perEpoch, perStep.length)}
  </div>
  <div class="results">${data.histograms ?? undefined}</div>
  <div class="details">
  <section>
    <h2>Configuration</h2>
    <div class="card">
      ${factList(data.summary)}
      <details><summary>All settings</summary><pre>${JSON.stringify(data.config, null, 2)}</pre></details>
    </div>
  </section>
  <section>
    <h2>Environment</h2>
    <div class="card">${factList(data.environment)}</div>
  </section>
  </div>`,
    footer: 'Drag over a chart to zoom in, double-click to reset.',
    scripts: html`<script>${new Html(resultsScript)}</script>
${charts.length > 0 && chartScripts(charts)}
${[...new Set(sections.flatMap(({ script }) => script ?? []))].map((script) => html`<script>${new Html(script)}</script>`)}`,
  });
}

/** A single evaluation is no course over epochs. */
const evaluationTitle = ([first, ...more]: readonly number[]): string =>
  first === undefined || more.length > 0 ? 'Evaluation by epoch' : `Evaluation after ${formatEpochs(first)}`;

/** The run's outcome: the highlights of its results, then the training loss and the throughput. */
function highlights({ highlights: results = [], records }: ReportData): Highlight[] {
  const out = [...results];
  const steps = records.filter(({ kind }) => kind === 'step');
  const tail = steps.slice(-Math.max(1, Math.round(steps.length / 50)));
  const loss = mean(tail.map(({ loss }) => loss));
  const last = steps.at(-1);
  if (loss !== null && last !== undefined)
    out.push({
      label: 'Final training loss',
      value: loss.toPrecision(3),
      note: `after ${fact(last.step)} steps`,
    });
  const { speed, mfu } = ratesOf(steps);
  if (speed !== null) {
    const note = `over all steps${mfu === null ? '' : `; ${percent(mfu)} of the machine's peak`}`;
    out.push({ label: 'Images per second', value: fact(Math.round(speed)), note });
  }
  return out;
}

const numbers = (values: readonly unknown[]): number[] =>
  values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));

function mean(values: readonly unknown[]): number | null {
  const finite = numbers(values);
  return finite.length > 0 ? finite.reduce((sum, value) => sum + value, 0) / finite.length : null;
}

/** The rates over the whole time of all steps, not the mean of their rates: slow steps count for as long as they took. */
function ratesOf(steps: ReportData['records']): { readonly speed: number | null; readonly mfu: number | null } {
  let [images, time, work] = [0, 0, 0];
  for (const { imagesPerSecond, mfu, seconds } of steps) {
    if (typeof imagesPerSecond !== 'number' || !(imagesPerSecond > 0)) continue;
    // Without its duration, a step counts as one image: steps have the same number of images.
    const duration = typeof seconds === 'number' ? seconds : 1 / imagesPerSecond;
    images += imagesPerSecond * duration;
    time += duration;
    work += typeof mfu === 'number' ? mfu * duration : Number.NaN;
  }
  if (!(time > 0)) return { speed: null, mfu: null };
  return { speed: images / time, mfu: Number.isNaN(work) ? null : work / time };
}

const factList = (facts: Readonly<Record<string, string | number>>): Html =>
  html`<dl class="facts">${Object.entries(facts).map(
    ([label, value]) => html`<div><dt>${label}</dt><dd>${fact(value)}</dd></div>`,
  )}</dl>`;
