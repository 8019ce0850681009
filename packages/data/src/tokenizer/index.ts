/** CLIP's tokenizer: cleaning of captions, byte-pair encoding, and training of vocabularies. */
export type { Merge } from './bpe.ts';
export { BytePairTokenizer, type TokenizerJson } from './byte-pair-tokenizer.ts';
export { cleanCaption, isEmptyCaption } from './clean.ts';
export { clipVocabularySize, loadClipTokenizer } from './clip.ts';
export { hasTokenizer, loadTokenizer, saveHuggingFaceTokenizer, saveTokenizer } from './file.ts';
export { HuggingFaceTokenizer } from './hugging-face/hugging-face-tokenizer.ts';
export { loadHuggingFaceTokenizer } from './hugging-face/read-folder.ts';
export { repairText } from './repair/index.ts';
export type { EncodeBatchOptions, Tokenizer } from './tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts';
