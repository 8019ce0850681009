/** The page of a sweep: where lines cross the axes, and what the page contains. */
import { describe, expect, it } from 'vitest';
import type { ConfigurationResult, SweepResults } from '../results.ts';
import { coordinatesOf } from './coordinates.ts';
import { drawCoordinates } from './draw.ts';
import { meanText, renderSweepPage, timeText } from './render.ts';

const configuration = (number: number, settings: object, mean: number | null, more = {}): ConfigurationResult => ({
  rank: number,
  number,
  settings: settings as ConfigurationResult['settings'],
  epochs: 4,
  mean,
  std: null,
  seconds: 3,
  runs: [
    {
      seed: 0,
      folder: `run ${number}`,
      status: mean === null ? 'failed' : 'finished',
      epochs: mean === null ? 0 : 4,
      steps: 8,
      value: mean,
      evaluations: [],
      seconds: 3,
      message: mean === null ? 'loss is <NaN>' : null,
    },
  ],
  ...more,
});

const sweep: SweepResults = {
  name: 'lr & kind',
  method: 'random',
  seed: 7,
  metric: { name: 'loss', mode: 'min' },
  parameters: [
    { key: 'optimizer.lr', label: 'lr', scale: 'logarithmic' },
    { key: 'optimizer.kind', label: 'optimizer', scale: 'names' },
    { key: 'ema.decay', label: 'decay', scale: 'linear' },
  ],
  rungs: [{ configurations: 4, epochs: 4 }],
  configurations: [
    configuration(1, { 'optimizer.lr': 1e-2, 'optimizer.kind': 'lion', 'ema.decay': 0.5 }, 1),
    configuration(2, { 'optimizer.lr': 1e-4, 'optimizer.kind': 'adamw', 'ema.decay': 0.5 }, 2),
    configuration(3, { 'optimizer.lr': 1e-3, 'optimizer.kind': 'lion', 'ema.decay': 0.5 }, 5),
    configuration(4, { 'optimizer.lr': 1, 'optimizer.kind': 'sgd', 'ema.decay': 0.9 }, null),
  ],
  isComplete: true,
};

describe('parallel coordinates', () => {
  const { axes, lines, range } = coordinatesOf(sweep);

  it('have an axis for each parameter and one for the metric, and a line for each configuration with a value', () => {
    expect(axes.map(({ label }) => label)).toEqual(['lr', 'optimizer', 'decay', 'loss']);
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('are logarithmic, in the middle of equal parts, or linear', () => {
    // lr: the decades 1e-4 to 1e-2; two names; only one number; loss 1 to 5.
    expect(lines.map(({ at }) => at)).toEqual([
      [1, 0.25, 0.5, 0],
      [0, 0.75, 0.5, 0.25],
      [0.5, 0.25, 0.5, 1].map((at) => expect.closeTo(at, 12)),
    ]);
    expect(axes[0]?.ticks.map(({ text }) => text)).toEqual(['0.0001', '0.001', '0.01']);
    expect(axes[1]?.ticks).toEqual([
      { at: 0.25, text: 'lion' },
      { at: 0.75, text: 'adamw' },
    ]);
  });

  it('are colored from the worst to the best value', () => {
    expect(lines.map(({ share }) => share)).toEqual([1, 0.75, 0]);
    expect(range).toEqual(['5', '1']);
  });

  it('have round numbers where there are too many values for ticks', () => {
    const many = Array.from({ length: 30 }, (_, k) =>
      configuration(
        k + 1,
        { 'optimizer.lr': 10 ** (-4 + k / 10), 'optimizer.kind': 'lion', 'ema.decay': k / 29 },
        k / 29,
      ),
    );
    const found = coordinatesOf({ ...sweep, configurations: many }).axes.map(({ ticks }) =>
      ticks.map(({ text }) => text),
    );
    expect(found[0]).toEqual([
      '0.0001',
      '0.0002',
      '0.0005',
      '0.001',
      '0.002',
      '0.005',
      '0.01',
      '0.02',
      '0.05',
      '0.07943',
    ]);
    expect(found[3]).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1']);
  });

  it('are drawn at the width that is asked for, the best line last', () => {
    const { text } = drawCoordinates({ axes, lines, range }, 530, 'wide');
    expect(text).toContain('viewBox="0 0 530 308"');
    // Axes at 66, ..., 530 - 64; y from 34 (top) to 294.
    expect(text).toMatch(
      /class="line best" data-configuration="1" [^>]*d="M66 34C132\.7 34 132\.7 229 199\.3 229C[^>]* 466 294"/,
    );
    expect(text.match(/data-configuration="\d"/g)).toEqual([3, 2, 1].map((number) => `data-configuration="${number}"`));
  });
});

describe('the page', () => {
  const page = renderSweepPage(sweep);

  it('is one file that loads nothing, with names and messages escaped', () => {
    expect(page).toContain('<h1>lr &amp; kind</h1>');
    expect(page).toContain('loss is &lt;NaN&gt;');
    expect(page).not.toMatch(/(src|href)="https?:/);
    expect(page).toContain('href="run%201/report.html"');
  });

  it('names the best configuration, the method with its seed, and what has failed', () => {
    expect(page).toContain('random search, seed 7; best is the smallest loss');
    expect(page).toMatch(
      /Best loss<\/div><div class="value">1\.000<\/div><div class="note">lr 0\.01, optimizer lion, decay 0\.5</,
    );
    expect(page).toMatch(/Runs finished<\/div><div class="value">3 of 4<\/div><div class="note">1 failed</);
    expect(page.match(/<tr data-configuration/g)).toHaveLength(4);
  });

  it('exists before the first result', () => {
    const none = sweep.configurations.map((one) => ({ ...one, mean: null }));
    expect(renderSweepPage({ ...sweep, configurations: none, isComplete: false })).toContain('Runs finished so far');
  });
});

it('numbers and times are written in a few characters', () => {
  expect(meanText({ mean: 0.41234, std: 0.00213 })).toBe('0.4123 ± 0.0021');
  expect(meanText({ mean: 0.41234, std: null })).toBe('0.4123');
  expect([1.26, 59.6, 185, 7620].map(timeText)).toEqual(['1.3 s', '1 min 0 s', '3 min 5 s', '2 h 7 min']);
});
