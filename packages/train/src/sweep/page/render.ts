/** Renders the page of a sweep: its best configuration, parallel coordinates, a table, and what failed. */
import { fact, whole } from '../../report/format.ts';
import { Html, html } from '../../report/html.ts';
import { renderPage } from '../../report/page.ts';
import type { Highlight } from '../../report/section.ts';
import { labelsOf, valueText } from '../names.ts';
import type { ConfigurationResult, RunResult, SweepResults } from '../results.ts';
import { coordinatesOf } from './coordinates.ts';
import { drawCoordinates, smallestWidth } from './draw.ts';
import { sweepScript } from './script.ts';
import { sweepStyles } from './styles.ts';

/** Width of the drawing on a wide page, in pixels: that of the page's column. */
const wideWidth = 1002;
/** The least width on a narrow page: that of a card on a phone. */
const phoneWidth = 318;

/** 0.4123 ± 0.0021, or – without a value. */
export function meanText({ mean, std }: Pick<ConfigurationResult, 'mean' | 'std'>): string {
  if (mean === null) return '–';
  return std === null ? mean.toPrecision(4) : `${mean.toPrecision(4)} ± ${Number(std.toPrecision(2))}`;
}

/** 12 s, 3 min 5 s, 2 h 7 min. */
export function timeText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
}

const methodNames: Readonly<Record<SweepResults['method'], string>> = {
  grid: 'grid',
  random: 'random search',
  'successive-halving': 'successive halving',
};

/** The sweep in one line: method, seed of the samples, metric. */
export function describeSweep({ method, seed, metric }: SweepResults): string {
  const direction = metric.mode === 'max' ? 'largest' : 'smallest';
  return `${methodNames[method]}${seed === null ? '' : `, seed ${seed}`}; best is the ${direction} ${metric.name}`;
}

const otherStates = { stopped: 'stopped early', waiting: 'to be trained', failed: 'failed' } as const;

function highlights({ configurations, metric, isComplete }: SweepResults): Highlight[] {
  const [best] = configurations;
  const runs = configurations.flatMap((one) => one.runs);
  const count = (status: RunResult['status']): number => runs.filter((run) => run.status === status).length;
  const labels = labelsOf(Object.keys(best?.settings ?? {}));
  const settings = Object.entries(best?.settings ?? {}).map(([key, value]) => `${labels[key]} ${valueText(value)}`);
  const others = Object.entries(otherStates).flatMap(([status, text]) => {
    const found = count(status as keyof typeof otherStates);
    return found === 0 ? [] : [`${found} ${text}`];
  });
  const seconds = configurations.reduce((sum, one) => sum + one.seconds, 0);
  return [
    ...(best === undefined || best.mean === null
      ? []
      : [{ label: `Best ${metric.name}`, value: meanText(best).replace('± ', '±\u00a0'), note: settings.join(', ') }]),
    {
      label: isComplete ? 'Runs finished' : 'Runs finished so far',
      value: `${count('finished')} of ${runs.length}`,
      note: others.join(', '),
    },
    { label: 'Training time', value: timeText(seconds), note: 'of all runs together' },
  ];
}

function drawing(results: SweepResults): Html | undefined {
  const coordinates = coordinatesOf(results);
  if (coordinates.lines.length === 0) return undefined;
  const [worst, best] = coordinates.range;
  const narrow = Math.max(phoneWidth, smallestWidth(coordinates));
  return html`<section>
    <h2>Settings and results</h2>
    <div class="card">
      <div class="key"><span>${results.metric.name} ${worst}<i class="ramp"></i>${best}</span><span><i class="swatch"></i>best</span></div>
      <div class="scroll">${drawCoordinates(coordinates, Math.max(wideWidth, narrow), 'wide')}${drawCoordinates(coordinates, narrow, 'narrow')}</div>
    </div>
  </section>`;
}

function table({ configurations, parameters, metric, method }: SweepResults): Html {
  const withEpochs = method === 'successive-halving';
  const row = (one: ConfigurationResult): Html =>
    html`<tr data-configuration="${one.number}"${one.rank === 1 && new Html(' class="first"')}><td>${one.rank}</td>${parameters.map(
      ({ key }) => html`<td>${valueText(one.settings[key])}</td>`,
    )}<td>${meanText(one)}</td>${withEpochs && html`<td>${one.epochs}</td>`}<td>${one.runs.map((run, k) => html`${k > 0 && ' · '}${runLink(run)}`)}</td><td>${timeText(one.seconds)}</td></tr>`;
  return html`<section>
    <h2>Configurations</h2>
    <div class="card scroll"><table>
      <thead><tr><th>rank</th>${parameters.map(({ key, label }) => html`<th title="${key}">${label}</th>`)}<th>${metric.name}</th>${
        withEpochs && html`<th>epochs</th>`
      }<th>runs, by seed</th><th>time</th></tr></thead>
      <tbody>${configurations.map(row)}</tbody>
    </table></div>
    <p class="note below">Mean ± standard deviation over the seeds (divided by n − 1). Time is spent in training steps, without evaluations.</p>
  </section>`;
}

function runLink({ seed, folder, status, value, epochs }: RunResult): Html {
  const text = value === null ? status : value.toPrecision(4);
  const title = `seed ${seed}: ${status} after ${epochs} epochs`;
  if (epochs === 0) return html`<span title="${title}">${text}</span>`;
  return html`<a href="${encodeURIComponent(folder)}/report.html" title="${title}">${text}</a>`;
}

function rungTable({ rungs, configurations }: SweepResults): Html | false {
  if (rungs.length < 2) return false;
  return html`<section>
    <h2>Rungs</h2>
    <div class="card scroll"><table>
      <thead><tr><th>epochs</th><th>configurations</th><th>with a result</th></tr></thead>
      <tbody>${rungs.map(
        (rung) =>
          html`<tr><td>${whole(rung.epochs)}</td><td>${whole(rung.configurations)}</td><td>${fact(
            configurations.filter(({ mean, epochs }) => mean !== null && epochs >= rung.epochs).length,
          )}</td></tr>`,
      )}</tbody>
    </table></div>
  </section>`;
}

function failures({ configurations }: SweepResults): Html | false {
  const failed = configurations.flatMap(({ runs }) => runs.filter(({ message }) => message !== null));
  if (failed.length === 0) return false;
  return html`<section>
    <h2>Failed runs</h2>
    <div class="card scroll"><table class="names">
      <thead><tr><th>run</th><th>message</th></tr></thead>
      <tbody>${failed.map(({ folder, message }) => html`<tr><td>${folder}</td><td class="failed">${message ?? ''}</td></tr>`)}</tbody>
    </table></div>
  </section>`;
}

/** The results of a sweep, complete or not, as one self-contained HTML page. Its links lead to the reports of the runs. */
export function renderSweepPage(results: SweepResults): string {
  return renderPage({
    kind: 'sweep',
    title: results.name,
    subtitle: describeSweep(results),
    highlights: highlights(results),
    styles: new Html(sweepStyles),
    content: html`<div class="sweep">
  ${drawing(results)}
  ${table(results)}
  ${rungTable(results)}
  ${failures(results)}
</div>`,
    footer:
      'Point at a line or a row to see both, click to keep it. Drag along an axis to show only a part, click it to show all.',
    scripts: html`<script>${new Html(sweepScript)}</script>`,
  });
}
