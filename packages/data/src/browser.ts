/** The parts of this package that run in a browser: nothing here imports one of Node's modules, or a library that does. */
export * from './augment/index.ts';
export { drawMixup, type MixupDraw, type MixupOptions, notMixed, type PixelBox } from './mixup.ts';
export { shuffleDefaults } from './order/order.ts';
export { CounterRandom, type Purpose, permutation, purpose } from './random.ts';
export type { Merge } from './tokenizer/bpe.ts';
export { BytePairTokenizer, type TokenizerJson } from './tokenizer/byte-pair-tokenizer.ts';
export { cleanCaption } from './tokenizer/clean.ts';
export { tokenizerFromJson } from './tokenizer/from-json.ts';
export { repairText } from './tokenizer/repair/index.ts';
export type { EncodeBatchOptions, Tokenizer } from './tokenizer/tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './tokenizer/train-bpe.ts';
