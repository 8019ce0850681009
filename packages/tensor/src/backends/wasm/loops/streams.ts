/** Streams: the addresses and indices that the loops of a nest update. */
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';

/** A number that is linear in the indices of a loop nest, kept in a local: an address, the sum of a guard, an index value. */
export interface Stream {
  readonly local: Local;
  /** The buffer from whose address it starts; null for a plain number. */
  readonly buffer: number | null;
  readonly offset: number;
  /** What one step along each axis adds. */
  readonly coefficients: readonly number[];
}

/** The streams of a loop nest. All are added before the first loop is written. */
export class Streams {
  readonly #fn: FunctionBuilder;
  readonly #args: Local;
  readonly #streams = new Map<string, { -readonly [K in keyof Stream]: Stream[K] }>();
  readonly #addresses = new Map<number, Local>();

  /** `args` points to the addresses of the buffers. */
  constructor(fn: FunctionBuilder, args: Local) {
    this.#fn = fn;
    this.#args = args;
  }

  number(offset: number, coefficients: readonly number[]): Stream {
    return this.#add(`number ${offset}`, { buffer: null, offset, coefficients });
  }

  /** A separate address; everything is in bytes. */
  address(buffer: number, offset: number, coefficients: readonly number[]): Stream {
    return this.#add(`address ${buffer} ${offset}`, { buffer, offset, coefficients });
  }

  /**
   * An address that is shared by all accesses to the buffer with the same coefficients: that of the access with the smallest offset. Where
   * one of them is within memory, all are.
   */
  sharedAddress(buffer: number, offset: number, coefficients: readonly number[]): Stream {
    return this.#add(`shared ${buffer}`, { buffer, offset, coefficients });
  }

  #add(key: string, { buffer, offset, coefficients }: Omit<Stream, 'local'>): Stream {
    const fullKey = `${key}: ${coefficients.join()}`;
    const known = this.#streams.get(fullKey);
    if (known !== undefined) {
      known.offset = Math.min(known.offset, offset);
      return known;
    }
    const stream = { local: this.#fn.local('i32'), buffer, offset, coefficients };
    this.#streams.set(fullKey, stream);
    if (buffer !== null && !this.#addresses.has(buffer)) this.#addresses.set(buffer, this.#fn.local('i32'));
    return stream;
  }

  /** Loads the addresses of the buffers. */
  readAddresses(): void {
    for (const [buffer, local] of this.#addresses)
      this.#fn
        .get(this.#args)
        .mem('i32.load', 4 * buffer)
        .set(local);
  }

  /** Sets all streams to the position with the indices `index(axis)`; axes for which it returns undefined are at 0. */
  moveTo(index: (axis: number) => Operand | undefined): void {
    const fn = this.#fn;
    for (const { local, buffer, offset, coefficients } of this.#streams.values()) {
      const base = buffer === null ? undefined : this.#addresses.get(buffer);
      if (base === undefined) fn.i32(offset);
      else fn.get(base);
      if (base !== undefined && offset !== 0) fn.i32(offset).op('i32.add');
      for (const [axis, coefficient] of coefficients.entries()) {
        const position = index(axis);
        if (coefficient === 0 || position === undefined || position === 0) continue;
        fn.push(position).times(coefficient).op('i32.add');
      }
      fn.set(local);
    }
  }

  /** Moves all streams by a number of steps on some axes. */
  move(steps: readonly (readonly [axis: number, count: number])[]): void {
    for (const { local, coefficients } of this.#streams.values())
      this.#fn.increment(
        local,
        steps.reduce((sum, [axis, count]) => sum + nth(coefficients, axis) * count, 0),
      );
  }

  /** The streams that change along an axis. */
  along(axis: number): Stream[] {
    return [...this.#streams.values()].filter(({ coefficients }) => coefficients[axis] !== 0);
  }

  /** Releases the locals. */
  release(): void {
    for (const { local } of this.#streams.values()) this.#fn.release(local);
    this.#fn.release(...this.#addresses.values());
  }
}
