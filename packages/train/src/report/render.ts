/** Renders the report of a run. */
import { chartScripts, chartSection, chartStyles } from './chart-section.ts';
import { evaluationCharts, stepCharts } from './curves.ts';
import { fact, percent } from './format.ts';
import { Html, html } from './html.ts';
import { renderPage } from './page.ts';
import type { ReportData } from './report-data.ts';
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
    content: html`${sections.map((section) => section.html)}
  ${chartSection('Training', perStep, 0)}
  ${chartSection('Evaluation by epoch', perEpoch, perStep.length)}
  ${data.histograms ?? undefined}
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
  </section>`,
    footer: 'Drag over a chart to zoom in, double-click to reset.',
    scripts: html`${charts.length > 0 && chartScripts(charts)}
${[...new Set(sections.flatMap(({ script }) => script ?? []))].map((script) => html`<script>${new Html(script)}</script>`)}`,
  });
}

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
  // The first steps are slower, because they compile kernels and fill caches; they do not affect the median.
  const speed = median(steps.map(({ imagesPerSecond }) => imagesPerSecond));
  const mfu = median(steps.map((record) => record.mfu));
  if (speed !== null) {
    const note = mfu === null ? 'median over all steps' : `${percent(mfu)} of the machine's peak`;
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

function median(values: readonly unknown[]): number | null {
  const sorted = numbers(values).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

const factList = (facts: Readonly<Record<string, string | number>>): Html =>
  html`<dl class="facts">${Object.entries(facts).map(
    ([label, value]) => html`<div><dt>${label}</dt><dd>${fact(value)}</dd></div>`,
  )}</dl>`;
