/** The page of a learning-rate range test: the loss over the learning rate. */
import type { RangeTest } from '../loop/range-test.ts';
import { chartScripts, chartSection, chartStyles } from './chart-section.ts';
import type { Chart } from './curves.ts';
import { html } from './html.ts';
import { renderPage } from './page.ts';
import type { Highlight } from './section.ts';

/** How a test ended, in words. */
export const rangeTestEndings: Readonly<Record<RangeTest['ended'], string>> = {
  complete: 'all steps',
  diverged: 'until the loss diverged',
  stopped: 'until it was stopped',
};

/** A rate in a few digits: 3.16e-4. */
export const formatRate = (rate: number): string => rate.toExponential(2);

function lossChart({ points, suggestion }: RangeTest): Chart {
  const rounded = (value: number): number => Number(value.toPrecision(6));
  return {
    title: 'Loss',
    xLabel: 'learning rate',
    format: 'number',
    x: points.map(({ lr }) => rounded(lr)),
    series: [
      { label: 'each step', y: points.map(({ loss }) => rounded(loss)), pale: true },
      { label: 'smoothed', y: points.map(({ smoothed }) => rounded(smoothed)) },
    ],
    ...(suggestion === null ? {} : { mark: { x: suggestion.lr, label: `steepest: ${formatRate(suggestion.lr)}` } }),
  };
}

/** A test as one self-contained HTML page. @param title the name of the run whose settings were tested @param subtitle in one line */
export function renderRangeTest(test: RangeTest, title: string, subtitle: string): string {
  const { points, suggestion, lowest, ended, options } = test;
  const charts = [lossChart(test)];
  const highlights: Highlight[] = [
    {
      label: 'Suggested learning rate',
      value: suggestion === null ? 'none' : formatRate(suggestion.lr),
      note: suggestion === null ? 'the loss falls nowhere' : 'where the smoothed loss falls fastest',
    },
    ...(lowest === null
      ? []
      : [{ label: 'Lowest loss at', value: formatRate(lowest.lr), note: 'a tenth of it is another usual choice' }]),
    { label: 'Steps', value: `${points.length} of ${options.steps}`, note: rangeTestEndings[ended] },
  ];
  return renderPage({
    kind: 'learning-rate range test',
    title,
    subtitle,
    highlights,
    styles: chartStyles(),
    content: html`${chartSection('Loss by learning rate', charts, 0)}`,
    footer: 'Drag over a chart to zoom in, double-click to reset.',
    scripts: chartScripts(charts),
  });
}
