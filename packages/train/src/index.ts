export * from './io/atomic.ts';
export * from './tokenizer/index.ts';
