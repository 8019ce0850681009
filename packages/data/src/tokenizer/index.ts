/** CLIP's tokenizer: cleaning of captions, byte-pair encoding, and training of vocabularies. */
export type { Merge } from './bpe.ts';
export { cleanCaption, isEmptyCaption } from './clean.ts';
export { clipVocabularySize, loadClipTokenizer } from './clip.ts';
export { loadTokenizer, saveTokenizer } from './file.ts';
export { repairText } from './repair/index.ts';
export { type EncodeBatchOptions, Tokenizer, type TokenizerJson } from './tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts';
