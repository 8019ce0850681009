/** Models of sentencepiece (`spiece.model`): https://github.com/google/sentencepiece, src/sentencepiece_model.proto. */
import { Charsmap } from './charsmap.ts';
import { protoFields } from './protobuf.ts';
import { Unigram } from './unigram.ts';
import { largestId } from './vocabulary.ts';

/** What a piece is, by its number in the file. */
const pieceKinds = { 1: 'normal', 2: 'unknown', 3: 'control', 4: 'user-defined', 5: 'unused', 6: 'byte' } as const;
type PieceKind = (typeof pieceKinds)[keyof typeof pieceKinds];

interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: PieceKind;
}

const modelKinds: Readonly<Record<number, string>> = { 1: 'unigram', 2: 'bpe', 3: 'word', 4: 'char' };

const utf8 = new TextEncoder();
const SPACE = '▁';

type Fields = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, (number | Uint8Array)[]>();
  for (const { number, value } of protoFields(bytes)) {
    const values = fields.get(number);
    if (values === undefined) fields.set(number, [value]);
    else values.push(value);
  }
  return fields;
}

const numberAt = (fields: Fields, number: number, otherwise: number): number => {
  const value = fields.get(number)?.at(-1) ?? otherwise;
  if (typeof value !== 'number') throw new Error(`field ${number} is not a number: the file is damaged`);
  return value;
};

const bytesAt = (fields: Fields, number: number): Uint8Array => {
  const value = fields.get(number)?.at(-1) ?? new Uint8Array(0);
  if (typeof value === 'number') throw new Error(`field ${number} is a number: the file is damaged`);
  return value;
};

function pieceOf(value: number | Uint8Array): Piece {
  if (typeof value === 'number') throw new Error('a piece is a number: the file is damaged');
  const fields = fieldsOf(value);
  const kind = pieceKinds[numberAt(fields, 3, 1) as keyof typeof pieceKinds];
  if (kind === undefined) throw new Error(`a piece is of the unknown kind ${numberAt(fields, 3, 1)}`);
  return { text: new TextDecoder().decode(bytesAt(fields, 1)), score: numberAt(fields, 2, 0), kind };
}

/** A unigram model of sentencepiece. Its ids are the positions of its pieces. */
export class SentencePiece {
  readonly pieces: readonly Piece[];
  readonly unknown: number;
  readonly #model: Unigram;
  readonly #charsmap: Charsmap | null;
  readonly #dummyPrefix: boolean;
  readonly #removesSpaces: boolean;
  readonly #escapesSpaces: boolean;

  /** @throws where the file is damaged, or has a model or pieces of another kind */
  constructor(file: Uint8Array) {
    const fields = fieldsOf(file);
    const training = fieldsOf(bytesAt(fields, 2));
    const normalizer = fieldsOf(bytesAt(fields, 3));
    const kind = numberAt(training, 3, 1);
    if (kind !== 1)
      throw new Error(
        `a sentencepiece model of the type ${modelKinds[kind] ?? kind} is not supported; supported is unigram (of others, read their tokenizer.json)`,
      );
    const pieces = (fields.get(1) ?? []).map(pieceOf);
    if (pieces.length === 0 || pieces.length > largestId) throw new Error(`has ${pieces.length} pieces`);
    const other = pieces.find((piece) => piece.kind === 'user-defined' || piece.kind === 'byte');
    if (other !== undefined || numberAt(training, 24, 0) !== 0)
      throw new Error(
        `pieces of the kind ${other?.kind ?? 'with white space at the end'} are not supported (read the tokenizer.json of this model)`,
      );
    this.pieces = pieces;
    this.unknown = pieces.findIndex((piece) => piece.kind === 'unknown');
    if (this.unknown < 0) throw new Error('has no unknown piece');
    const map = bytesAt(normalizer, 2);
    this.#charsmap = map.byteLength === 0 ? null : new Charsmap(map);
    this.#dummyPrefix = numberAt(normalizer, 3, 1) !== 0;
    this.#removesSpaces = numberAt(normalizer, 4, 1) !== 0;
    this.#escapesSpaces = numberAt(normalizer, 5, 1) !== 0;
    this.#model = new Unigram({
      pieces: pieces.map(({ text, score }) => [text, score] as const),
      unknown: this.unknown,
      byteFallback: false,
      isFound: (id) => pieces[id]?.kind === 'normal',
      round: Math.fround,
    });
  }

  idOf(token: string): number | undefined {
    return this.#model.ids.get(token);
  }

  /** The ids of a text, as `SentencePieceProcessor.encode` returns them. */
  encode(text: string): number[] {
    return this.#model.encode(this.#normalize(text));
  }

  /** The replacements of the longest sequences of the table, from left to right. */
  *#replaced(text: string): Generator<string> {
    if (this.#charsmap === null) {
      yield* text;
      return;
    }
    const bytes = utf8.encode(text);
    for (let at = 0; at < bytes.length; ) {
      const found = this.#charsmap.longest(bytes, at);
      const character = found === null ? String.fromCodePoint(codePointAt(bytes, at)) : '';
      yield found?.text ?? character;
      at += found?.length ?? utf8.encode(character).length;
    }
  }

  #normalize(text: string): string {
    const space = this.#escapesSpaces ? SPACE : ' ';
    let out = '';
    let started = false;
    let afterSpace = this.#removesSpaces;
    for (const replaced of this.#replaced(text)) {
      if (!started && this.#removesSpaces && replaced === ' ') continue;
      if (!started && this.#dummyPrefix) out += space;
      started = true;
      let begin = 0;
      if (afterSpace) while (replaced[begin] === ' ') begin++;
      const rest = replaced.slice(begin);
      if (rest !== '') {
        out += rest.replaceAll(' ', space);
        afterSpace = this.#removesSpaces && rest.endsWith(' ');
      }
    }
    if (this.#removesSpaces) while (out.endsWith(space)) out = out.slice(0, -space.length);
    return out;
  }
}

/** The character that begins at a byte of a valid text. */
function codePointAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const rest = (k: number): number => ((bytes[at + k] as number) & 0x3f) as number;
  if (first < 0x80) return first;
  if (first < 0xe0) return ((first & 0x1f) << 6) | rest(1);
  if (first < 0xf0) return ((first & 0x0f) << 12) | (rest(1) << 6) | rest(2);
  return ((first & 0x07) << 18) | (rest(1) << 12) | (rest(2) << 6) | rest(3);
}
