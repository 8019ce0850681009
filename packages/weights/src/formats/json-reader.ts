/** Reading of JSON whose content is not trusted. */
type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Reads the values of a model's configuration. Errors name the path of the key. A null value counts as missing. */
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

  /** The object under `key`, or an empty one if the key is missing. */
  below(key: string): JsonReader {
    return new JsonReader(this.has(key) ? this.#values[key] : {}, `${this.#path}: ${key}`);
  }

  /** An integer of at least 1. */
  count(key: string, otherwise: number): number {
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
    throw new Error(`${this.#path}.${key} is ${JSON.stringify(value)}; expected an integer of at least 1`);
  }

  /** A number above 0. */
  number(key: string, otherwise: number): number {
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw new Error(`${this.#path}.${key} is ${JSON.stringify(value)}; expected a number above 0`);
  }

  /** The value in `choices` whose key is the string under `key`. */
  choice<T>(key: string, choices: Readonly<Record<string, T>>, otherwise: string): T {
    const value = this.has(key) ? this.#values[key] : otherwise;
    if (typeof value !== 'string' || !Object.hasOwn(choices, value))
      throw new Error(
        `${this.#path}.${key} is ${JSON.stringify(value)}; expected one of ${Object.keys(choices).join(', ')}`,
      );
    return choices[value] as T;
  }

  flag(key: string): boolean {
    return this.has(key) && this.#values[key] === true;
  }

  /** @throws if the value of `key` differs from `expected`; a missing key is fine. @param why ends the error message */
  require(key: string, expected: unknown, why: string): void {
    if (!this.has(key) || same(this.#values[key], expected)) return;
    throw new Error(
      `${this.#path}.${key} is ${JSON.stringify(this.#values[key])}; expected ${JSON.stringify(expected)}: ${why}`,
    );
  }
}
