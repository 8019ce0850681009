/** What pages share that show runs, without Node: how each number is shown, as text and as a chart, and the drawing of a sweep. */

export {
  chartFormats,
  chartPlots,
  chartScales,
  type Interval,
  type Series,
  seriesDrawing,
} from './report/chart/index.ts';
export type { Line } from './report/chart/scales.ts';
export {
  extent,
  formatTicks,
  formatValue,
  nearest,
  placeAxis,
  timeIncrements,
  usualExtent,
  valueAxis,
  wholeIncrements,
} from './report/chart/tools.ts';
export { humanize } from './report/format.ts';
export { type ChartFormat, inUsualOrder, isCurve, type Look, lookOf } from './report/looks.ts';
export type { Coordinates } from './sweep/page/coordinates.ts';
export { drawCoordinates, smallestWidth } from './sweep/page/draw.ts';
export type { SweepResults } from './sweep/results.ts';
