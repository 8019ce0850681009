type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Reads a model's configuration file. Errors name the key by its path. null counts as not there. */
export class JsonReader {
  readonly #values: JsonObject;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw new Error(`${path} is not an object`);
    this.#values = value;
    this.#path = path;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key) && this.#values[key] !== null;
  }

  keys(): readonly string[] {
    return Object.keys(this.#values).filter((key) => this.has(key));
  }

  /** The object under `key`; an empty one where it is not there. */
  below(key: string): JsonReader {
    return new JsonReader(this.has(key) ? this.#values[key] : {}, `${this.#path}: ${key}`);
  }

  /** A whole number of at least 1. */
  count(key: string, otherwise: number): number {
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new Error(`${this.#path}.${key} is ${JSON.stringify(value)}: a whole number of at least 1 is expected`);
    return value as number;
  }

  /** One of the keys of `choices`, as its value there. */
  choice<T>(key: string, choices: Readonly<Record<string, T>>, otherwise: string): T {
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (typeof value !== 'string' || !Object.hasOwn(choices, value))
      throw new Error(
        `${this.#path}.${key} is ${JSON.stringify(value)}, which is not among ${Object.keys(choices).join(', ')}`,
      );
    return choices[value] as T;
  }

  flag(key: string): boolean {
    return this.has(key) && this.#values[key] === true;
  }

  /** @throws where `key` is there with another value than the model has, for the reason given */
  require(key: string, expected: unknown, why: string): void {
    if (!this.has(key) || same(this.#values[key], expected)) return;
    throw new Error(
      `${this.#path}.${key} is ${JSON.stringify(this.#values[key])}, ${JSON.stringify(expected)} is expected: ${why}`,
    );
  }
}
