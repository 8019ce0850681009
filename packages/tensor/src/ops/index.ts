/** What the methods of tensors are composed of, as functions of nodes. */
export * from './comparison.ts';
export * from './creation.ts';
export * from './elementwise.ts';
export * from './indexing.ts';
export * from './integer.ts';
export * from './linear-algebra.ts';
export { align, broadcastTo, commonDtype, type Operand } from './operand.ts';
export * as random from './random.ts';
export * from './reductions.ts';
export * from './shaping.ts';
