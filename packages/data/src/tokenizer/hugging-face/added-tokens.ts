/** Tokens that are found in a text before it is split, such as `</s>`. */
import type { JsonPart } from './json-part.ts';
import type { Normalize } from './normalizers.ts';
import { literalRegex } from './regex.ts';

/** A token that is found as it is written. */
export interface AddedToken {
  readonly content: string;
  /** Found only where no letter, digit or underscore is next to it. */
  readonly singleWord: boolean;
  /** White space before it belongs to it. */
  readonly stripsLeft: boolean;
  /** White space after it belongs to it. */
  readonly stripsRight: boolean;
  /** Looked for in the normalized text, in its own normalized form. */
  readonly normalized: boolean;
  /** Left out when ids are decoded. */
  readonly special: boolean;
}

export const addedTokenOf = (part: JsonPart): AddedToken => ({
  content: part.string('content'),
  singleWord: part.flag('single_word', false),
  stripsLeft: part.flag('lstrip', false),
  stripsRight: part.flag('rstrip', false),
  normalized: part.flag('normalized', !part.flag('special', false)),
  special: part.flag('special', false),
});

/** Part of a text: an added token, or text for the model. */
export interface Section {
  readonly text: string;
  /** Null: it is not an added token. */
  readonly id: number | null;
  /** Whether the text begins with it. */
  readonly first: boolean;
}

const WORD_CHARACTER = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE = /\p{White_Space}/u;

const lastCharacter = (text: string): string => [...text.slice(-2)].at(-1) ?? '';
const firstCharacter = (text: string): string => [...text.slice(0, 2)][0] ?? '';

/** Finds tokens in a text: the first, and of several at one place the longest. */
class TokenFinder {
  readonly #pattern: RegExp | null;
  readonly #tokens: ReadonlyMap<string, { readonly id: number; readonly token: AddedToken }>;

  constructor(entries: readonly { readonly text: string; readonly id: number; readonly token: AddedToken }[]) {
    const tokens = new Map(entries.flatMap(({ text, ...entry }) => (text === '' ? [] : [[text, entry] as const])));
    this.#tokens = tokens;
    const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
    this.#pattern =
      longestFirst.length === 0
        ? null
        : new RegExp(longestFirst.map((text) => literalRegex(text).source).join('|'), 'gu');
  }

  split(text: string): { readonly text: string; readonly id: number | null; readonly begin: number }[] {
    const sections: { text: string; id: number | null; begin: number }[] = [];
    let done = 0;
    for (const { 0: found, index } of this.#pattern === null ? [] : text.matchAll(this.#pattern)) {
      const { id, token } = this.#tokens.get(found) as { id: number; token: AddedToken };
      let [begin, end] = [index, index + found.length];
      if (
        token.singleWord &&
        (WORD_CHARACTER.test(lastCharacter(text.slice(Math.max(0, begin - 2), begin))) ||
          WORD_CHARACTER.test(firstCharacter(text.slice(end, end + 2))))
      )
        continue;
      if (token.stripsLeft) while (begin > done && SPACE.test(text[begin - 1] as string)) begin--;
      if (token.stripsRight) while (end < text.length && SPACE.test(text[end] as string)) end++;
      if (done < begin) sections.push({ text: text.slice(done, begin), id: null, begin: done });
      sections.push({ text: text.slice(begin, end), id, begin });
      done = end;
    }
    if (done < text.length) sections.push({ text: text.slice(done), id: null, begin: done });
    return sections;
  }
}

export class AddedTokens {
  readonly ids: ReadonlyMap<string, number>;
  readonly byId: ReadonlyMap<number, AddedToken>;
  /** The text that is found for each id, which is also what it is decoded to. */
  readonly texts: ReadonlyMap<number, string>;
  readonly #asWritten: TokenFinder;
  readonly #normalized: TokenFinder;
  readonly #normalize: Normalize;

  /** Tokens that the model lacks get the ids that follow its own, in their order; a later token of the same text replaces an earlier one. */
  constructor(tokens: readonly AddedToken[], modelIds: ReadonlyMap<string, number>, normalize: Normalize) {
    const ids = new Map<string, number>();
    const byId = new Map<number, AddedToken>();
    let next = modelIds.size;
    for (const token of tokens) {
      if (token.content === '') continue;
      const id = ids.get(token.content) ?? modelIds.get(token.content) ?? next++;
      ids.set(token.content, id);
      byId.set(id, token);
    }
    this.ids = ids;
    this.byId = byId;
    this.#normalize = normalize;
    const entries = Array.from(byId, ([id, token]) => ({
      id,
      token,
      text: token.normalized ? normalize(token.content) : token.content,
    }));
    this.texts = new Map(entries.map(({ id, text }) => [id, text]));
    this.#asWritten = new TokenFinder(entries.filter(({ token }) => !token.normalized));
    this.#normalized = new TokenFinder(entries.filter(({ token }) => token.normalized));
  }

  /** Splits a text into added tokens and normalized text. Nothing is left of it that is empty. */
  split(text: string): Section[] {
    return this.#asWritten.split(text).flatMap(({ text, id, begin }): Section[] => {
      const first = begin === 0;
      if (id !== null) return [{ text, id, first }];
      const start = { kept: first };
      return this.#normalized
        .split(this.#normalize(text, start))
        .map(({ text, id, begin }) => ({ text, id, first: start.kept && begin === 0 }));
    });
  }
}
