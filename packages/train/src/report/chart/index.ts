/** The charts of the report and of the dashboard. Each function here is self-contained, so that the report can have it as text. */
export { seriesDrawing } from './draw-series.ts';
export { chartFormats } from './format.ts';
export { chartPlots } from './plot.ts';
export { chartScales, type Interval } from './scales.ts';
export type { Series } from './series.ts';
