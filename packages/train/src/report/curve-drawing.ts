/** Charts of a run as one SVG, for places where no script runs. */
import type { Interval } from './chart/scales.ts';
import { byteIncrements, formatTicks, formatValue, placeAxis, valueAxis, wholeIncrements } from './chart/tools.ts';
import type { Chart } from './curves.ts';
import { type Html, html } from './html.ts';

/** A chart's size, and the room around its curves, in pixels. */
const [width, height] = [440, 230];
const margin = { top: 46, right: 18, bottom: 34, left: 58 };
const gap = 16;

/** Colors that are easy to tell apart on white; those of the report in light mode. */
const palette = ['#2b5fc7', '#c9622b', '#17845a', '#8a4fbf', '#b38a12', '#c23f73'] as const;
const [ink, muted, line] = ['#1d1f23', '#676c74', '#e4e4df'];

const px = (value: number): string => String(Number(value.toFixed(1)));

/**
 * The charts on white, from left to right and in rows. Each has its curves, ticks, and a key with the last values.
 *
 * @param columns charts in a row
 */
export function drawCharts(charts: readonly Chart[], columns = 2): Html {
  const perRow = Math.max(1, Math.min(columns, charts.length));
  const total = {
    width: perRow * (width + gap) - gap,
    height: Math.ceil(charts.length / perRow) * (height + gap) - gap,
  };
  const placed = charts.map((chart, k) => {
    const [x, y] = [(k % perRow) * (width + gap), Math.floor(k / perRow) * (height + gap)];
    return html`<g transform="translate(${x} ${y})">${drawChart(chart)}</g>`;
  });
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" width="${total.width}" height="${total.height}" font-family="system-ui, sans-serif" font-size="11" role="img" aria-label="${charts.map(({ title }) => title).join(', ')}"><rect width="${total.width}" height="${total.height}" fill="#ffffff"/>${placed}</svg>`;
}

function drawChart(chart: Chart): Html {
  const isLog = chart.xLabel === 'learning rate';
  const xs = scale(placeAxis(extentOf(chart.x)), margin.left, width - margin.right, isLog);
  const values = extentOf(chart.series.flatMap(({ y }) => y));
  const ys = scale(valueAxis(values, chart.format, false), height - margin.bottom, margin.top, false);
  const xTicks = isLog ? powersOfTen(xs.range) : ticksOf(xs.range, wholeIncrements(xs.range), 6);
  const yTicks = ticksOf(ys.range, chart.format === 'bytes' ? byteIncrements : decimalIncrements(ys.range), 5);
  const xTexts = isLog ? xTicks.map((tick) => formatValue(tick, 'scientific')) : xTicks.map(placeText);
  const yTexts = formatTicks(yTicks, chart.format);
  const colored = coloredSeries(chart);
  return html`<text x="${margin.left}" y="16" font-size="13" font-weight="600" fill="${ink}">${chart.title}</text>
${drawKey(chart, colored)}
${yTicks.map(
  (tick, k) =>
    html`<path d="M${margin.left} ${px(ys.at(tick))}H${width - margin.right}" stroke="${line}"/><text x="${margin.left - 7}" y="${px(ys.at(tick) + 4)}" text-anchor="end" fill="${muted}">${yTexts[k]}</text>`,
)}
${xTicks.map(
  (tick, k) =>
    html`<text x="${px(xs.at(tick))}" y="${height - margin.bottom + 16}" text-anchor="middle" fill="${muted}">${xTexts[k]}</text>`,
)}
<text x="${width - margin.right}" y="${height - 4}" text-anchor="end" fill="${muted}">${chart.xLabel}</text>
${drawMark(chart, xs)}
${colored.map(({ series, color }) => drawCurve(chart, series, color, xs, ys))}`;
}

type Series = Chart['series'][number];

interface Colored {
  readonly series: Series;
  readonly color: string;
}

/** Pale curves have the first color, and the others one color each. */
function coloredSeries({ series }: Chart): Colored[] {
  let bright = 0;
  return series.map((each) => ({
    series: each,
    color: palette[each.pale === true ? 0 : bright++ % palette.length] ?? palette[0],
  }));
}

/** The names of the curves with their last values. The width of text is estimated. */
function drawKey({ format }: Chart, colored: readonly Colored[]): Html[] {
  let x = margin.left;
  return colored.map(({ series, color }) => {
    const last = series.y.findLast((value) => value !== null) ?? null;
    const words = `${series.label} ${formatValue(last, format)}`;
    const left = x;
    x += 26 + words.length * 5.9;
    return html`<rect x="${px(left)}" y="25" width="9" height="9" rx="3" fill="${color}" opacity="${opacityOf(series)}"/><text x="${px(left + 14)}" y="33" fill="${muted}">${words}</text>`;
  });
}

const opacityOf = ({ pale }: Series): number => (pale === true ? 0.35 : 1);

/** A curve with a gap where values are missing, and with dots where there are few of them. */
function drawCurve({ x, xLabel }: Chart, series: Series, color: string, xs: Scale, ys: Scale): Html {
  let path = '';
  let joins = false;
  const dots: Html[] = [];
  for (const [k, value] of series.y.entries()) {
    const place = x[k];
    if (value === null || place === undefined) {
      joins = false;
      continue;
    }
    const point = `${px(xs.at(place))} ${px(ys.at(value))}`;
    path += `${joins ? 'L' : 'M'}${point}`;
    joins = true;
    if (xLabel === 'epoch' || x.length === 1)
      dots.push(html`<circle cx="${px(xs.at(place))}" cy="${px(ys.at(value))}" r="2.5" fill="${color}"/>`);
  }
  return html`<path d="${path}" fill="none" stroke="${color}" stroke-width="${series.pale === true ? 1 : 1.8}" stroke-linejoin="round" opacity="${opacityOf(series)}"/>${dots}`;
}

function drawMark({ mark }: Chart, xs: Scale): Html | undefined {
  if (mark === undefined) return undefined;
  const at = xs.at(mark.x);
  const isRight = at > width / 2;
  return html`<path d="M${px(at)} ${margin.top}V${height - margin.bottom}" stroke="${muted}" stroke-dasharray="4 3"/><text x="${px(at + (isRight ? -5 : 5))}" y="${margin.top + 10}" text-anchor="${isRight ? 'end' : 'start'}" fill="${muted}">${mark.label}</text>`;
}

/** Where the values of an axis are drawn. */
interface Scale {
  readonly range: Interval;
  at(value: number): number;
}

function scale(range: Interval, from: number, to: number, isLog: boolean): Scale {
  const position = isLog ? Math.log10 : (value: number): number => value;
  const [low, high] = range.map(position) as [number, number];
  return { range, at: (value) => from + ((position(value) - low) / (high - low || 1)) * (to - from) };
}

function extentOf(values: readonly (number | null)[]): Interval | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values)
    if (value !== null) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return low <= high ? [low, high] : null;
}

/** The multiples of the smallest distance that leads to no more than `most` intervals. */
function ticksOf([low, high]: Interval, distances: readonly number[], most: number): number[] {
  const distance = distances.find((each) => (high - low) / each <= most) ?? high - low;
  const first = Math.ceil(low / distance - 1e-9);
  const count = Math.floor(high / distance + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, k) => Number(((first + k) * distance).toPrecision(12)));
}

/** 1, 2 and 5 times powers of ten around the size of an axis. */
function decimalIncrements([low, high]: Interval): number[] {
  const power = Math.floor(Math.log10(high - low));
  return [-1, 0].flatMap((offset) => [1, 2, 5].map((digit) => Number(`${digit}e${power + offset}`)));
}

const powersOfTen = ([low, high]: Interval): number[] => {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => 10 ** (first + k));
};

const placeText = (place: number): string =>
  Number.isInteger(place) ? place.toLocaleString('en') : String(Number(place.toPrecision(3)));
