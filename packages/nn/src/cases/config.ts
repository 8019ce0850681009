/** The arguments of a check case. */
import type { Dims, PerAxis } from '../sizes.ts';
import { type Pair, pair } from '../vision/windows.ts';

/**
 * The constructor arguments in a case's `config`. Each getter checks the type; `finish` throws an error for arguments that no getter has
 * read, so that none is silently ignored.
 */
export class CaseConfig {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** Whether the argument is given and not null. */
  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  number(key: string, otherwise?: number): number {
    return this.#get(key, otherwise, 'a number', (value) => typeof value === 'number');
  }

  boolean(key: string, otherwise?: boolean): boolean {
    return this.#get(key, otherwise, 'true or false', (value) => typeof value === 'boolean');
  }

  string(key: string, otherwise?: string): string {
    return this.#get(key, otherwise, 'a string', (value) => typeof value === 'string');
  }

  /** Whether the argument is a string, where it may be something else. */
  isString(key: string): boolean {
    return typeof this.#values[key] === 'string';
  }

  numbers(key: string, otherwise?: readonly number[]): readonly number[] {
    return this.#get(key, otherwise, 'a list of numbers', isNumbers);
  }

  /** One number for both axes, or a list of two. */
  pair(key: string, otherwise?: number): Pair {
    return this.perAxis(key, 2, otherwise);
  }

  /** One number for all spatial axes, or a list of one each. */
  perAxis<D extends Dims>(key: string, dims: D, otherwise?: number): PerAxis<D> {
    return this.#get<PerAxis<D>>(
      key,
      otherwise,
      `a number or a list of ${dims}`,
      (value) => typeof value === 'number' || (isNumbers(value) && value.length === dims),
    );
  }

  /** The sizes of both axes, from one number or two: [height, width]. */
  both(key: string): readonly [number, number] {
    return pair(this.pair(key));
  }

  /** One of the names, such as those of a table. */
  choice<const Name extends string>(key: string, names: readonly Name[], otherwise?: Name): Name {
    const value = this.string(key, otherwise);
    const found = names.find((name) => name === value);
    if (found === undefined) throw new Error(`config: '${key}' must be one of ${names.join(', ')}, got '${value}'`);
    return found;
  }

  /** A list of four numbers, such as the depths of a ResNet's stages. */
  four(key: string): readonly [number, number, number, number] {
    const [a, b, c, d, ...others] = this.numbers(key);
    if (a === undefined || b === undefined || c === undefined || d === undefined || others.length > 0)
      throw new Error(`config: '${key}' must be a list of four numbers`);
    return [a, b, c, d];
  }

  numberOrNumbers(key: string): number | readonly number[] {
    return this.#get<number | readonly number[]>(
      key,
      undefined,
      'a number or a list of numbers',
      (value) => typeof value === 'number' || isNumbers(value),
    );
  }

  /** @throws Error that names the arguments that no getter has read */
  finish(): void {
    const unread = Object.keys(this.#values).filter((key) => this.has(key) && !this.#read.has(key));
    if (unread.length > 0) throw new Error(`config: unknown arguments: ${unread.join(', ')}`);
  }

  #get<T>(key: string, otherwise: T | undefined, expected: string, check: (value: unknown) => boolean): T {
    this.#read.add(key);
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (value === undefined) throw new Error(`config: '${key}' is missing`);
    if (!check(value)) throw new Error(`config: '${key}' must be ${expected}, got ${JSON.stringify(value)}`);
    return value as T;
  }
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'number');
