/** Charts on a page: their places, and the styles and scripts that draw them. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Chart } from './curves.ts';
import { Html, html, jsonForScript } from './html.ts';
import { pageScript } from './page-script.ts';

const require = createRequire(import.meta.url);
const readAsset = (path: string): Html => new Html(readFileSync(path, 'utf8'));

/** The styles of charts. */
export const chartStyles = (): Html => readAsset(require.resolve('uplot/dist/uPlot.min.css'));

/** A section with charts; undefined without any. `firstIndex`: the place of the first of them among all charts of the page. */
export function chartSection(title: string, charts: readonly Chart[], firstIndex: number): Html | undefined {
  if (charts.length === 0) return undefined;
  return html`<section>
    <h2>${title}</h2>
    <div class="charts">${charts.map(
      (chart, i) =>
        html`<div class="card chart"><h3>${chart.title}</h3><div class="key"></div><div class="chart-box" data-chart="${firstIndex + i}"></div></div>`,
    )}</div>
  </section>`;
}

/** The scripts that draw all charts of a page. */
export const chartScripts = (
  charts: readonly Chart[],
): Html => html`<script type="application/json" id="charts">${jsonForScript(charts)}</script>
<script>${readAsset(require.resolve('uplot/dist/uPlot.iife.min.js'))}</script>
<script>${new Html(pageScript)}</script>`;
