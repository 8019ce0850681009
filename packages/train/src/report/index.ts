/** The report of a run, and other pages: one HTML file each. */
export { type Html, html } from './html.ts';
export { logo } from './logo.ts';
export { type Page, renderPage } from './page.ts';
export { imageDataUri, pictureGrid, pixelsDataUri } from './pictures.ts';
export { formatRate, rangeTestEndings, renderRangeTest } from './range-test-page.ts';
export { renderReport } from './render.ts';
export type { DataUri, EvaluationRecord, ReportData, StepRecord } from './report-data.ts';
export type { Highlight, ReportSection } from './section.ts';
export { drawPanels, noteLines, type SheetPanel } from './sheet.ts';
export { styles } from './styles.ts';
