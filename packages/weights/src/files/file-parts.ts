/** Files that are read in parts, so that no file has to fit into memory. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readExactly, readInto, readProblem } from '@tessera/data/io';

/** Files that nothing refers to any more are closed. */
const unused = new FinalizationRegistry<number>(closeSync);

/** The size of the pieces in which large parts are checked. */
const pieceBytes = 2 ** 22;

/** Larger parts are read into arrays of their own. */
const largestBorrowed = 2 ** 25;
let borrowed = new Uint8Array(0);

/** A file that is open for reading until it is closed or nothing refers to it any more. */
export class FileParts {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly #fd: number;
  readonly #modified: number;

  /** @throws if the file cannot be opened; the message contains the path */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'r');
    } catch (cause) {
      throw new Error(`${path}: ${readProblem(cause)}`, { cause });
    }
    const { size, mtimeMs } = fstatSync(this.#fd);
    this.size = size;
    this.#modified = mtimeMs;
    unused.register(this, this.#fd, this);
  }

  /** The bytes from `begin` up to `end`. @throws if they cannot be read, or if the file was changed after it was opened */
  read(begin: number, end: number): Uint8Array<ArrayBuffer> {
    this.#check(begin, end);
    return readExactly(this.#fd, begin, end - begin);
  }

  /** The same, in an array that is used again at the next call, of any file: new memory takes as long as reading. */
  borrow(begin: number, end: number): Uint8Array<ArrayBuffer> {
    const length = end - begin;
    if (length > largestBorrowed) return this.read(begin, end);
    this.#check(begin, end);
    if (borrowed.byteLength < length) borrowed = new Uint8Array(length);
    const bytes = borrowed.subarray(0, length);
    readInto(this.#fd, begin, bytes);
    return bytes;
  }

  /** The bytes from `begin` up to `end`, in pieces. A piece is valid until the next one is asked for. */
  *pieces(begin: number, end: number): Generator<Uint8Array> {
    const buffer = new Uint8Array(Math.min(pieceBytes, Math.max(0, end - begin)));
    for (let at = begin; at < end; at += pieceBytes) {
      const piece = buffer.subarray(0, Math.min(pieceBytes, end - at));
      this.#check(at, at + piece.byteLength);
      readInto(this.#fd, at, piece);
      yield piece;
    }
  }

  #check(begin: number, end: number): void {
    const { size, mtimeMs } = fstatSync(this.#fd);
    if (size !== this.size || mtimeMs !== this.#modified)
      throw new Error(`${this.path}: was changed by another program while its tensors were in use; load it again`);
    if (!(begin >= 0 && begin <= end && end <= size))
      throw new Error(`${this.path}: has ${size} bytes; bytes ${begin} to ${end} were to be read`);
  }

  close(): void {
    if (unused.unregister(this)) closeSync(this.#fd);
  }
}
