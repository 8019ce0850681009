export * from './data/index.ts';
export * from './io/atomic.ts';
export * from './metrics/index.ts';
export * from './report/index.ts';
export * from './run/metrics-file.ts';
export * from './schedule.ts';
export * from './tokenizer/index.ts';
