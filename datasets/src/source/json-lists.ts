/**
 * Reading of large JSON files: the elements of the lists in an object, one at a time. A text cannot be longer than half a gigabyte, and
 * COCO's annotations nearly are; parsing them as a whole takes several times their size.
 */
import { errorMessage } from '@tessera/data/io';
import type { SourceFiles } from './source-files.ts';

/** Receives the elements of the object's lists by the lists' names. */
export type ListReaders = Readonly<Record<string, (element: unknown) => void>>;

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** 1 for bytes that do not matter outside of strings. */
const isPlain = new Uint8Array(256).fill(1);
for (const byte of [quote, comma, colon, openBrace, closeBrace, openBracket, closeBracket]) isPlain[byte] = 0;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Finds the elements of lists in pieces of a JSON text `{"name": [element, ...], ...}`. */
class ListScanner {
  readonly #readers: ListReaders;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Whether a string at the object's level is a key. */
  #beforeColon = true;
  #key = '';
  /** What receives the elements of the present list. */
  #read: ((element: unknown) => void) | null = null;
  /** The parts of a key or an element that were in earlier pieces. */
  #earlier: Uint8Array[] = [];
  /** The number of bytes in earlier pieces. */
  #passed = 0;
  #ended = false;

  constructor(readers: ListReaders) {
    this.#readers = readers;
  }

  push(piece: Uint8Array): void {
    // Where a key or an element starts in this piece; -1: there is none.
    let start = this.#keeps() ? 0 : -1;
    for (let at = 0; at < piece.length; at++) {
      // Numbers and letters outside of strings are most of the file, and change nothing.
      while (!this.#inString && isPlain[piece[at] as number] === 1 && at < piece.length) at++;
      if (at === piece.length) break;
      const byte = piece[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) {
          this.#inString = false;
          if (this.#depth === 1 && this.#beforeColon) {
            this.#key = this.#take(piece.subarray(start, at + 1)) as string;
            start = -1;
          }
        }
        continue;
      }
      switch (byte) {
        case quote:
          this.#inString = true;
          if (this.#depth === 1 && this.#beforeColon) start = at;
          break;
        case colon:
          if (this.#depth === 1) this.#beforeColon = false;
          break;
        case openBrace:
        case openBracket:
          if (this.#depth === 0 && (byte !== openBrace || this.#ended)) throw new Error('expected one object');
          this.#depth++;
          if (this.#depth === 2 && byte === openBracket && Object.hasOwn(this.#readers, this.#key)) {
            this.#read = this.#readers[this.#key] ?? null;
            start = at + 1;
          }
          break;
        case closeBrace:
        case closeBracket:
          if (this.#depth === 2 && this.#read !== null) {
            this.#element(piece.subarray(start, at), true);
            this.#read = null;
            start = -1;
          }
          this.#depth--;
          if (this.#depth < 0) throw new Error(`byte ${this.#passed + at} closes what was not opened`);
          if (this.#depth === 0) this.#ended = true;
          break;
        case comma:
          if (this.#depth === 1) this.#beforeColon = true;
          else if (this.#depth === 2 && this.#read !== null) {
            this.#element(piece.subarray(start, at), false);
            start = at + 1;
          }
          break;
      }
    }
    if (start >= 0) this.#earlier.push(piece.slice(start));
    this.#passed += piece.length;
  }

  /** @throws where the text does not end with the object */
  finish(): void {
    if (!this.#ended || this.#depth > 0)
      throw new Error(this.#passed === 0 ? 'it is empty' : `it ends within the object, at byte ${this.#passed}`);
  }

  /** Whether a key or an element continues in the next piece. */
  #keeps(): boolean {
    return this.#read !== null || (this.#depth === 1 && this.#inString && this.#beforeColon);
  }

  #element(bytes: Uint8Array, isLast: boolean): void {
    const isEmpty = this.#earlier.every(isBlank) && isBlank(bytes);
    // Before the end of a list without elements.
    if (isEmpty && isLast) this.#earlier = [];
    else this.#read?.(this.#take(bytes));
  }

  #take(bytes: Uint8Array): unknown {
    const whole = this.#earlier.length === 0 ? bytes : Buffer.concat([...this.#earlier, bytes]);
    this.#earlier = [];
    return JSON.parse(utf8.decode(whole));
  }
}

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte <= 0x20);

/**
 * Passes the elements of some lists of a JSON object to functions, in the order of the file.
 *
 * @throws where the file is not a JSON object, and for what the functions throw; the message names the file
 */
export async function readJsonLists(files: SourceFiles, name: string, readers: ListReaders): Promise<void> {
  const scanner = new ListScanner(readers);
  try {
    for await (const piece of files.stream(name)) scanner.push(piece);
    scanner.finish();
  } catch (cause) {
    throw new Error(`${files.where}: ${name} cannot be read as JSON (${errorMessage(cause)})`, { cause });
  }
}
