/** What `tokenizer_config.json` and `special_tokens_map.json` say about a tokenizer. */
import { JsonPart } from './json-part.ts';

/** The files of a tokenizer in a folder. */
export interface TokenizerFiles {
  /** `tokenizer.json`. */
  readonly tokenizer?: unknown;
  /** sentencepiece's model in base64. */
  readonly sentencePiece?: string;
  /** `vocab.json` and the lines of `merges.txt`. */
  readonly vocabulary?: { readonly vocab: unknown; readonly merges: readonly string[] };
  /** `tokenizer_config.json`. */
  readonly config?: unknown;
  /** `special_tokens_map.json`. */
  readonly specialTokens?: unknown;
  /** The kind of model in `config.json`. */
  readonly modelType?: string;
}

const tokenKeys = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token'] as const;
type TokenKey = (typeof tokenKeys)[number];

/** Classes of transformers that change the text, or have values that no file needs to name. Others follow `tokenizer.json` alone. */
interface TokenizerClass {
  readonly tokens: Partial<Record<TokenKey, string>>;
  readonly padsLeft: boolean;
  /** What is done to a text before the normalizer of `tokenizer.json`. */
  readonly cleans: 'lowercase' | 'canonicalize' | null;
  readonly contextLength: number | null;
}

const plain: TokenizerClass = { tokens: {}, padsLeft: false, cleans: null, contextLength: null };
const clipEnd = '<|endoftext|>';
const gemmaTokens = {
  bos_token: '<bos>',
  eos_token: '<eos>',
  unk_token: '<unk>',
  pad_token: '<pad>',
  mask_token: '<mask>',
};

const tokenizerClasses: Readonly<Record<string, TokenizerClass>> = {
  CLIPTokenizer: {
    ...plain,
    tokens: { bos_token: '<|startoftext|>', eos_token: clipEnd, unk_token: clipEnd, pad_token: clipEnd },
  },
  SiglipTokenizer: {
    ...plain,
    tokens: { eos_token: '</s>', unk_token: '<unk>', pad_token: '</s>' },
    cleans: 'canonicalize',
    contextLength: 64,
  },
  Siglip2Tokenizer: { ...plain, tokens: gemmaTokens, padsLeft: true, cleans: 'lowercase', contextLength: 64 },
  GemmaTokenizer: { ...plain, tokens: gemmaTokens, padsLeft: true },
};

/** The tokenizer of a kind of model, where the files name another one or none. */
const classOfModel: Readonly<Record<string, string>> = {
  clip: 'CLIPTokenizer',
  siglip: 'SiglipTokenizer',
  siglip2: 'Siglip2Tokenizer',
};

export interface TokenizerSettings extends Omit<TokenizerClass, 'tokens'> {
  readonly className: string | null;
  readonly tokens: Readonly<Partial<Record<TokenKey, string>>>;
  /** All special tokens, in the order of the keys. */
  readonly specialTokens: readonly string[];
  readonly truncatesLeft: boolean;
}

/** Longer contexts mean that there is no limit. */
const largestContext = 2 ** 24;

/** A token, as a text or as an object with its properties. */
function tokenAt(part: JsonPart, key: TokenKey): string | undefined {
  if (!part.has(key)) return undefined;
  const value = part.value(key);
  return typeof value === 'string' ? value : part.part(key).string('content');
}

/** @throws where a file is damaged; the message names the key */
export function settingsOf({ config, specialTokens, modelType }: TokenizerFiles): TokenizerSettings {
  const file = new JsonPart(config ?? {}, 'tokenizer_config.json');
  const map = new JsonPart(specialTokens ?? {}, 'special_tokens_map.json');
  const named = file.optionalString('tokenizer_class')?.replace(/Fast$/, '') ?? null;
  const ofModel = modelType === undefined || !Object.hasOwn(classOfModel, modelType) ? null : classOfModel[modelType];
  // Files of SigLIP 2 name Gemma's class, which keeps capitals.
  const className = (modelType === 'siglip2' ? ofModel : (named ?? ofModel)) ?? null;
  const known =
    className !== null && Object.hasOwn(tokenizerClasses, className) ? tokenizerClasses[className] : undefined;
  const usual = known ?? plain;
  const tokens: Partial<Record<TokenKey, string>> = {};
  for (const key of tokenKeys) {
    const token = tokenAt(file, key) ?? tokenAt(map, key) ?? usual.tokens[key];
    if (token !== undefined && token !== '') tokens[key] = token;
  }
  if (usual.cleans === 'canonicalize' && !file.flag('do_lower_case', true))
    throw new Error('tokenizer_config.json: do_lower_case=false is not supported');
  const side = (key: string, otherwise: boolean): boolean =>
    file.has(key) ? file.choice(key, ['left', 'right']) === 'left' : otherwise;
  const limit = file.value('model_max_length');
  return {
    className,
    tokens,
    specialTokens: tokenKeys.flatMap((key) => tokens[key] ?? []),
    padsLeft: side('padding_side', usual.padsLeft),
    truncatesLeft: side('truncation_side', false),
    cleans: usual.cleans,
    contextLength:
      typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0 && limit <= largestContext
        ? limit
        : usual.contextLength,
  };
}
