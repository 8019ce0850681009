/** What pages share that show runs, without Node: how each number is shown, as text and as a chart, and the drawing of a sweep. */
export { byteIncrements, type Interval, placeAxis, valueAxis, wholeIncrements } from './report/axes.ts';
export { humanize } from './report/format.ts';
export { type ChartFormat, inUsualOrder, isCurve, type Look, lookOf } from './report/looks.ts';
export { formatTicks, formatValue } from './report/number-format.ts';
export type { Coordinates } from './sweep/page/coordinates.ts';
export { drawCoordinates, smallestWidth } from './sweep/page/draw.ts';
export type { SweepResults } from './sweep/results.ts';
