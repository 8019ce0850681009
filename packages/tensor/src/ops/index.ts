/** What the methods of tensors are composed of, as functions of nodes. */
export * from './combinations.ts';
export * from './comparison.ts';
export * from './creation.ts';
export * from './elementwise.ts';
export * from './floats.ts';
export * from './indexing.ts';
export * from './integer.ts';
export * from './linear-algebra.ts';
export * from './logarithms.ts';
export { align, alignFloating, broadcastTo, commonDtype, type Operand } from './operand.ts';
export * as random from './random.ts';
export * from './reductions.ts';
export * from './rounding.ts';
export * from './shaping.ts';
export * from './trigonometry.ts';
