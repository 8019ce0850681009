/** Renders the report of a run. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Chart, evaluationCharts, stepCharts } from './curves.ts';
import { fact, percent } from './format.ts';
import { Html, html, jsonForScript } from './html.ts';
import { pageScript } from './page-script.ts';
import type { ReportData } from './report-data.ts';
import type { Highlight } from './section.ts';
import { styles } from './styles.ts';

const require = createRequire(import.meta.url);
const readAsset = (path: string): Html => new Html(readFileSync(path, 'utf8'));

/** The logo: nine tiles of a mosaic. */
const mark = html`<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">${[
  0.9, 0.45, 0.7, 0.3, 1, 0.55, 0.65, 0.8, 0.4,
].map(
  (shade, i) =>
    html`<rect x="${(i % 3) * 7}" y="${Math.floor(i / 3) * 7}" width="6" height="6" rx="1.2" fill="var(--accent)" fill-opacity="${shade}"/>`,
)}</svg>`;

/** Forbids the page to use the network. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** A run's report as one self-contained HTML page. */
export function renderReport(data: ReportData): string {
  const { sections = [] } = data;
  const perStep = stepCharts(data.records);
  const perEpoch = evaluationCharts(data.records);
  const charts = [...perStep, ...perEpoch];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${data.title} · Tessera</title>
<style>${charts.length > 0 && readAsset(require.resolve('uplot/dist/uPlot.min.css'))}${new Html(styles)}</style>
</head>
<body>
<header>
  <div class="mark">${mark} Tessera training report</div>
  <h1>${data.title}</h1>
  ${data.subtitle && html`<p class="subtitle">${data.subtitle}</p>`}
  <div class="tiles">${highlights(data).map(
    ({ label, value, note }) =>
      html`<div class="card tile"><div class="label">${label}</div><div class="value">${value}</div><div class="note">${note}</div></div>`,
  )}</div>
</header>
<main>
  ${sections.map((section) => section.html)}
  ${chartSection('Training', perStep, 0)}
  ${chartSection('Evaluation by epoch', perEpoch, perStep.length)}
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
</main>
<footer>Drag over a chart to zoom in, double-click to reset. This page is one file and loads nothing from the network.</footer>
${charts.length > 0 && chartScripts(charts)}
${[...new Set(sections.flatMap(({ script }) => script ?? []))].map((script) => html`<script>${new Html(script)}</script>`)}
</body>
</html>
`;
  return page.text;
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

function chartSection(title: string, charts: readonly Chart[], firstIndex: number): Html | undefined {
  if (charts.length === 0) return undefined;
  return html`<section>
    <h2>${title}</h2>
    <div class="charts">${charts.map(
      (chart, i) =>
        html`<div class="card chart"><h3>${chart.title}</h3><div class="key"></div><div class="chart-box" data-chart="${firstIndex + i}"></div></div>`,
    )}</div>
  </section>`;
}

const chartScripts = (
  charts: readonly Chart[],
): Html => html`<script type="application/json" id="charts">${jsonForScript(charts)}</script>
<script>${readAsset(require.resolve('uplot/dist/uPlot.iife.min.js'))}</script>
<script>${new Html(pageScript)}</script>`;
