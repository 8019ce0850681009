/**
 * The constructor arguments in a case's `config`. Each getter checks the type; `finish` refuses what no getter asked for, so that
 * an option is never ignored unseen.
 */
export class CaseConfig {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

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

  numbers(key: string, otherwise?: readonly number[]): readonly number[] {
    return this.#get(key, otherwise, 'a list of numbers', isNumbers);
  }

  /** A number, or a list of two. */
  pair(key: string, otherwise?: number): number | readonly [number, number] {
    return this.#get<number | readonly [number, number]>(
      key,
      otherwise,
      'a number or two',
      (value) => typeof value === 'number' || (isNumbers(value) && value.length === 2),
    );
  }

  numberOrNumbers(key: string): number | readonly number[] {
    return this.#get<number | readonly number[]>(
      key,
      undefined,
      'a number or a list of numbers',
      (value) => typeof value === 'number' || isNumbers(value),
    );
  }

  /** @throws Error that names the arguments which nothing has read */
  finish(): void {
    const unread = Object.keys(this.#values).filter((key) => this.has(key) && !this.#read.has(key));
    if (unread.length > 0) throw new Error(`config: not understood: ${unread.join(', ')}`);
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
