/** CLIP's tokenizer: cleaning of captions, byte-pair encoding, and training of vocabularies. */
export type { Merge } from './bpe.ts';
export { clipVocabularySize, loadClipTokenizer } from './clip.ts';
export { loadTokenizer, saveTokenizer } from './file.ts';
export { cleanCaption, isEmptyCaption, repairText } from './repair.ts';
export { type EncodeBatchOptions, Tokenizer, type TokenizerJson } from './tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts';
