/** What a program needs that watches runs from outside: who holds a run, its metrics as a table, and the data of a sweep's drawing. It loads no tensors. */
export { writeMetricsTable } from './loggers/csv/csv-logger.ts';
export { metricsTable } from './loggers/csv/metrics-table.ts';
export { readMetrics } from './loop/metrics-file.ts';
export { type RunHolder, runHolder } from './run-folder/lock.ts';
export { coordinatesOf } from './sweep/page/coordinates.ts';
