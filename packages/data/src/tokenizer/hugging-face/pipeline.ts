/** A tokenizer's file (`tokenizer.json`) as the steps that it describes: normalizer, pre-tokenizer, model, post-processor, decoder. */
import { type AddedToken, AddedTokens, addedTokenOf } from './added-tokens.ts';
import { type Decode, decoderOf } from './decoders.ts';
import { JsonPart } from './json-part.ts';
import { modelOf } from './models.ts';
import { type Normalize, normalizerOf, sequence } from './normalizers.ts';
import { type Frame, frameOf } from './post-processors.ts';
import { type PreTokenize, preTokenizerOf } from './pre-tokenizers.ts';
import { stripPythonSpace } from './space.ts';
import type { TokenModel } from './vocabulary.ts';

/** Text to ids and back, without the tokens around a text. */
export interface TextCoder {
  /** One more than the largest id. */
  readonly size: number;
  idOf(token: string): number | undefined;
  /** The ids of a text, without start and end tokens. Half a surrogate pair is read as U+FFFD. */
  encode(text: string): number[];
  /** The text of ids. Special tokens are left out. */
  decode(ids: readonly number[]): string;
}

export interface PipelineOptions {
  /** What is done to the text before the file's normalizer. */
  readonly before?: Normalize;
  /** Tokens that are found in a text besides those that the file names. */
  readonly specialTokens?: readonly string[];
}

const specialToken = (content: string): AddedToken => ({
  content,
  singleWord: false,
  stripsLeft: false,
  stripsRight: false,
  normalized: false,
  special: true,
});

/** A special token that stands at the end of a word is followed by a space. */
const END_OF_WORD_SPACE = ' ';

/** Replaces each half of a surrogate pair that is alone, which UTF-8 cannot write, by U+FFFD. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

export class Pipeline implements TextCoder {
  readonly size: number;
  /** The tokens around a text; null if the file does not say. */
  readonly frame: Frame | null;
  readonly #model: TokenModel;
  readonly #added: AddedTokens;
  readonly #preTokenize: PreTokenize;
  readonly #decode: Decode | null;
  readonly #tokens = new Map<number, string>();

  /** @throws where a part is damaged or its type is not supported; the message names it */
  constructor(json: unknown, { before, specialTokens = [] }: PipelineOptions = {}) {
    const file = new JsonPart(json, 'tokenizer.json');
    const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const;
    const [normalizer, preTokenizer, postProcessor, decoder] = parts.map((key) => file.optionalPart(key));
    this.#model = modelOf(file.part('model'));
    const steps = [before, normalizer ? normalizerOf(normalizer) : undefined].filter((step) => step !== undefined);
    const fileTokens = file.has('added_tokens') ? file.parts('added_tokens').map(addedTokenOf) : [];
    const known = new Set(fileTokens.map(({ content }) => content));
    const more = specialTokens.filter((content) => !known.has(content)).map(specialToken);
    this.#added = new AddedTokens([...fileTokens, ...more], this.#model.ids, sequence(steps));
    this.#preTokenize = preTokenizer ? preTokenizerOf(preTokenizer) : (words) => words;
    this.frame = postProcessor ? frameOf(postProcessor) : null;
    this.#decode = decoder ? decoderOf(decoder) : null;
    for (const [token, id] of this.#model.ids) this.#tokens.set(id, token);
    for (const [id, text] of this.#added.texts) this.#tokens.set(id, text);
    let size = 0;
    for (const id of this.#tokens.keys()) size = Math.max(size, id + 1);
    for (const id of [...(this.frame?.before ?? []), ...(this.frame?.after ?? [])])
      if (!this.#tokens.has(id)) throw new Error(`tokenizer.json.post_processor: no token has the id ${id}`);
    this.size = size;
  }

  idOf(token: string): number | undefined {
    return this.#added.ids.get(token) ?? this.#model.ids.get(token);
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const { text: section, id, first } of this.#added.split(wellFormed(text))) {
      if (id !== null) ids.push(id);
      else
        for (const { text: word } of this.#preTokenize([{ text: section, first }]))
          for (const token of this.#model.encode(word)) ids.push(token);
    }
    return ids;
  }

  decode(ids: readonly number[]): string {
    const tokens = ids.flatMap((id) => {
      if (this.#added.byId.get(id)?.special === true) return [];
      const token = this.#tokens.get(id);
      return token === undefined ? [] : [token];
    });
    const text = this.#decode === null ? tokens.join(' ') : this.#decode(tokens).join('');
    // As transformers does for CLIP, whose decoder leaves the marks at the ends of words.
    const { endOfWord } = this.#model;
    return endOfWord === null || endOfWord === ''
      ? text
      : stripPythonSpace(text.replaceAll(endOfWord, END_OF_WORD_SPACE));
  }
}
