/** Tokenizers in the files of Hugging Face's libraries, for `CLIPTokenizer.from_pretrained`. */
import type { BytePairTokenizer } from '../byte-pair-tokenizer.ts';
import { baseSymbols, END_OF_WORD } from '../words.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';

/** The pattern of CLIPTokenizer, whose special tokens are those of OpenAI. */
const PATTERN = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const addedToken = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/**
 * The `tokenizer.json` of CLIPTokenizer with a vocabulary and merges ("left right").
 *
 * @throws where the vocabulary lacks the start or the end token
 */
export function clipPipeline(
  vocabulary: Readonly<Record<string, number>>,
  merges: readonly string[],
  { start, end }: { readonly start: string; readonly end: string },
): object {
  const [startId, endId] = [start, end].map((token) => {
    if (Object.hasOwn(vocabulary, token)) return vocabulary[token] as number;
    throw new Error(`the vocabulary lacks the token ${JSON.stringify(token)}`);
  }) as [number, number];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [addedToken(startId, start), addedToken(endId, end)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [end, endId],
      cls: [start, startId],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: end,
      continuing_subword_prefix: '',
      end_of_word_suffix: END_OF_WORD,
      fuse_unk: false,
      byte_fallback: false,
      vocab: vocabulary,
      merges,
    },
  };
}

/**
 * The files from which `transformers.CLIPTokenizer` and `CLIPTokenizerFast` read this tokenizer: name to content. Their ids equal those of
 * `encode` for text that is in order; they do not repair misread text or decode entities. They pad with the end token, not with 0: the
 * token 0 is also a part of words.
 *
 * @param contextLength the number of tokens at which the tokenizer truncates
 */
export function huggingFaceTokenizer(
  tokenizer: BytePairTokenizer,
  contextLength: number,
): Readonly<Record<string, string>> {
  const { startToken, endToken } = tokenizer;
  const { merges } = tokenizer.toJSON();
  // In order of creation, which is that of the ids; two merges can make the same symbol.
  const symbols = new Set([...baseSymbols, ...merges.map((merge) => merge.replace(' ', ''))]);
  const vocabulary = Object.fromEntries([
    ...Array.from(symbols, (symbol, id) => [symbol, id] as const),
    [START, startToken],
    [END, endToken],
  ]);
  const special = { bos_token: START, eos_token: END, pad_token: END, unk_token: END };
  return {
    'tokenizer.json': toJson(clipPipeline(vocabulary, merges, { start: START, end: END })),
    'vocab.json': toJson(vocabulary),
    'merges.txt': ['#version: 0.2', ...merges, ''].join('\n'),
    'tokenizer_config.json': toJson({
      ...special,
      do_lower_case: true,
      model_max_length: contextLength,
      tokenizer_class: 'CLIPTokenizer',
    }),
    'special_tokens_map.json': toJson(special),
  };
}
