/** A tokenizer that is read from the files of Hugging Face's libraries. */
import { type EncodeBatchOptions, encodeRows, type Tokenizer } from '../tokenizer.ts';
import { clipPipeline } from './clip-files.ts';
import { JsonPart } from './json-part.ts';
import { lowercaseCharacters, type Normalize } from './normalizers.ts';
import { Pipeline, type TextCoder } from './pipeline.ts';
import type { Frame } from './post-processors.ts';
import { vocabularyOf } from './ranked-bpe.ts';
import { SentencePiece } from './sentence-piece.ts';
import { settingsOf, type TokenizerFiles, type TokenizerSettings } from './settings.ts';
import { canonicalizeText, SiglipCoder } from './siglip.ts';

/** The content of a run's `tokenizer.json`. */
export interface HuggingFaceJson {
  readonly format: 'hugging-face';
  readonly version: 1;
  readonly files: TokenizerFiles;
}

const cleaning: Readonly<Record<NonNullable<TokenizerSettings['cleans']>, Normalize>> = {
  lowercase: lowercaseCharacters,
  canonicalize: canonicalizeText,
};

const base64 = (text: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new Error('is not base64', { cause });
  }
};

interface Coder {
  readonly coder: TextCoder;
  readonly frame: Frame | null;
}

function siglipCoder(model: string, settings: TokenizerSettings): Coder {
  const { className, tokens, specialTokens } = settings;
  if (className !== 'SiglipTokenizer')
    throw new Error(
      `a sentencepiece model of ${className ?? 'an unknown tokenizer'} is not supported; supported is SiglipTokenizer (of others, read their tokenizer.json)`,
    );
  try {
    const coder = new SiglipCoder(new SentencePiece(base64(model)), specialTokens, tokens.unk_token ?? '<unk>');
    const end = tokens.eos_token === undefined ? undefined : coder.idOf(tokens.eos_token);
    return { coder, frame: { before: [], after: end === undefined ? [] : [end], once: true } };
  } catch (cause) {
    throw new Error(`spiece.model: ${(cause as Error).message}`, { cause });
  }
}

function clipJson({ vocab, merges }: NonNullable<TokenizerFiles['vocabulary']>, settings: TokenizerSettings): object {
  const { className, tokens } = settings;
  const ids = Object.fromEntries(vocabularyOf(new JsonPart(vocab, 'vocab.json')));
  const isClip = className === 'CLIPTokenizer' || (className === null && Object.hasOwn(ids, 'a</w>'));
  if (!isClip)
    throw new Error(
      `vocab.json and merges.txt of ${className ?? 'an unknown tokenizer'} are not supported; supported is CLIPTokenizer (of others, read their tokenizer.json)`,
    );
  const lines = merges.filter((line) => line !== '' && !line.startsWith('#version'));
  return clipPipeline(ids, lines, {
    start: tokens.bos_token ?? '<|startoftext|>',
    end: tokens.eos_token ?? '<|endoftext|>',
  });
}

function coderOf(files: TokenizerFiles, settings: TokenizerSettings): Coder {
  const { cleans, specialTokens } = settings;
  const { sentencePiece, tokenizer, vocabulary } = files;
  // transformers' SiglipTokenizer reads sentencepiece's own file.
  if (sentencePiece !== undefined && (tokenizer === undefined || settings.className === 'SiglipTokenizer'))
    return siglipCoder(sentencePiece, settings);
  const json = tokenizer ?? (vocabulary === undefined ? undefined : clipJson(vocabulary, settings));
  if (json === undefined) throw new Error('needs tokenizer.json, spiece.model, or vocab.json with merges.txt');
  const coder = new Pipeline(json, { specialTokens, ...(cleans === null ? {} : { before: cleaning[cleans] }) });
  return { coder, frame: coder.frame };
}

/** A tokenizer of CLIP, SigLIP or SigLIP 2, or another whose `tokenizer.json` has supported parts. Ids are those of transformers. */
export class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly startToken: number | null;
  readonly endToken: number | null;
  readonly padToken: number;
  readonly padsLeft: boolean;
  readonly contextLength: number | null;
  readonly files: TokenizerFiles;
  readonly #coder: TextCoder;
  readonly #frame: Frame;
  readonly #truncatesLeft: boolean;
  readonly #className: string | null;

  /** @throws where a file is damaged or has a part that is not supported; the message names it */
  constructor(files: TokenizerFiles) {
    const settings = settingsOf(files);
    const { coder, frame } = coderOf(files, settings);
    const { before, after, once = false } = frame ?? { before: [], after: [] };
    this.files = files;
    this.#coder = coder;
    this.#frame = { before, after, once };
    this.vocabSize = coder.size;
    this.startToken = before[0] ?? null;
    this.endToken = after.at(-1) ?? null;
    const { pad_token: pad } = settings.tokens;
    this.padToken = (pad === undefined ? undefined : coder.idOf(pad)) ?? this.endToken ?? 0;
    this.padsLeft = settings.padsLeft;
    this.contextLength = settings.contextLength;
    this.#truncatesLeft = settings.truncatesLeft;
    this.#className = settings.className;
  }

  encode(text: string): number[] {
    const { before, after, once } = this.#frame;
    const ids = this.#coder.encode(text);
    const ends = once === true && after.length > 0 && ids.at(-1) === after[0];
    return [...before, ...ids, ...(ends ? [] : after)];
  }

  encodeBatch(texts: readonly string[], contextLength: number, options: EncodeBatchOptions = {}): Int32Array {
    const { before, after } = this.#frame;
    const around = before.length + after.length;
    return encodeRows(texts, contextLength, options, {
      padToken: this.padToken,
      padsLeft: this.padsLeft,
      smallest: around + 1,
      encode: (text) => this.encode(text),
      shorten: (ids) => {
        const inner = ids.slice(before.length, ids.length - after.length);
        const room = contextLength - around;
        return [...before, ...(this.#truncatesLeft ? inner.slice(-room) : inner.slice(0, room)), ...after];
      },
    });
  }

  decode(ids: Iterable<number>): string {
    const all = [...ids];
    for (const id of all)
      if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize)
        throw new RangeError(`tokenizer: there is no token ${id}; ids run from 0 to ${this.vocabSize - 1}`);
    return this.#coder.decode(all);
  }

  /** The files from which the tokenizer was read, name to content. The settings name the class, which `config.json` may have decided. */
  fileContents(): Record<string, string | Uint8Array> {
    const { tokenizer, sentencePiece, vocabulary, specialTokens } = this.files;
    const named = this.#className === null ? {} : { tokenizer_class: this.#className };
    const config = { ...(this.files.config as object | undefined), ...named };
    const json = { 'tokenizer.json': tokenizer, 'vocab.json': vocabulary?.vocab } as const;
    const others = { 'tokenizer_config.json': config, 'special_tokens_map.json': specialTokens } as const;
    return {
      ...Object.fromEntries(
        Object.entries({ ...json, ...others }).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, `${JSON.stringify(value, null, 2)}\n`]],
        ),
      ),
      ...(vocabulary === undefined ? {} : { 'merges.txt': vocabulary.merges.join('\n') }),
      ...(sentencePiece === undefined ? {} : { 'spiece.model': base64(sentencePiece) }),
    };
  }

  toJSON(): HuggingFaceJson {
    return { format: 'hugging-face', version: 1, files: this.files };
  }
}
