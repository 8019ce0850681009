/** The charts of the report and of the dashboard. Each function here is self-contained, so that the report can have it as text. */
export { type DrawSeries, seriesDrawing } from './draw-series.ts';
export { type ChartFormats, chartFormats } from './format.ts';
export { type ChartContent, type ChartPlots, type ChartView, chartPlots, type PlotParts } from './plot.ts';
export { type ChartScales, chartScales, type Interval } from './scales.ts';
export type { Series } from './series.ts';
