/** Tokenizers from the content of a run's `tokenizer.json`. */
import { BytePairTokenizer } from './byte-pair-tokenizer.ts';
import { type HuggingFaceJson, HuggingFaceTokenizer } from './hugging-face/hugging-face-tokenizer.ts';
import type { TokenizerFiles } from './hugging-face/settings.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Whether it is a file of `saveTokenizer`: those of Hugging Face have a model, and name no format. */
export const isOwnFormat = (value: unknown): boolean =>
  !(typeof value === 'object' && value !== null && !('format' in value));

/** Creates a tokenizer from the parsed content of a run's `tokenizer.json`. @throws if the content is not valid; the message says why */
export function tokenizerFromJson(value: unknown): Tokenizer {
  const { format, version, files } = (value ?? {}) as Partial<Record<keyof HuggingFaceJson, unknown>>;
  if (format !== 'hugging-face') return BytePairTokenizer.fromJSON(value);
  if (version !== 1 || typeof files !== 'object' || files === null)
    throw new Error(`tokenizer: version is ${JSON.stringify(version)}, this program reads version 1 with "files"`);
  return new HuggingFaceTokenizer(files as TokenizerFiles);
}
