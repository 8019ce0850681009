/** Reading of a tokenizer's JSON, whose content is not trusted: errors name the place of a value. */

/** Parts within parts: a file with more is damaged. */
const deepest = 64;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value for an error message. */
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

/** An object of a tokenizer's file. A null value counts as missing. */
export class JsonPart {
  /** Where it is in the file: `normalizer.normalizers[2]`. */
  readonly place: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #depth: number;

  constructor(value: unknown, place: string, depth = 0) {
    if (!isObject(value)) throw new Error(`${place} is ${shown(value)}, expected an object`);
    if (depth > deepest) throw new Error(`${place}: more than ${deepest} parts within parts`);
    this.place = place;
    this.#values = value;
    this.#depth = depth;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key) && this.#values[key] !== null;
  }

  keys(): readonly string[] {
    return Object.keys(this.#values).filter((key) => this.has(key));
  }

  /** The value, unchecked. Undefined where it is missing. */
  value(key: string): unknown {
    return this.has(key) ? this.#values[key] : undefined;
  }

  /** @throws where the value is not what `expected` says */
  fail(key: string, expected: string): never {
    throw new Error(`${this.place}.${key} is ${shown(this.value(key))}, expected ${expected}`);
  }

  string(key: string): string {
    const value = this.value(key);
    return typeof value === 'string' ? value : this.fail(key, 'a text');
  }

  optionalString(key: string): string | null {
    return this.has(key) ? this.string(key) : null;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.has(key) ? this.value(key) : otherwise;
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false');
  }

  /** An integer from 0 on. */
  index(key: string): number {
    const value = this.value(key);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.fail(key, 'an integer of at least 0');
  }

  list(key: string): readonly unknown[] {
    const value = this.value(key);
    return Array.isArray(value) ? value : this.fail(key, 'a list');
  }

  /** The objects of a list. */
  parts(key: string): JsonPart[] {
    return this.list(key).map((value, k) => new JsonPart(value, `${this.place}.${key}[${k}]`, this.#depth + 1));
  }

  part(key: string): JsonPart {
    return new JsonPart(this.value(key), `${this.place}.${key}`, this.#depth + 1);
  }

  optionalPart(key: string): JsonPart | null {
    return this.has(key) ? this.part(key) : null;
  }

  /** One of the texts in `choices`. */
  choice<Choice extends string>(key: string, choices: readonly Choice[]): Choice {
    const value = this.value(key);
    return choices.find((choice) => choice === value) ?? this.fail(key, `one of ${choices.join(', ')}`);
  }
}

/** How a part of each type is built. */
export type Builders<Built> = Readonly<Record<string, (part: JsonPart) => Built>>;

/** Builds a part by its `type`. @throws where the type is not supported; the message names those that are */
export function buildPart<Built>(part: JsonPart, builders: Builders<Built>): Built {
  const type = part.string('type');
  const build = Object.hasOwn(builders, type) ? builders[type] : undefined;
  if (build === undefined)
    throw new Error(
      `${part.place}: the type ${shown(type)} is not supported; supported are ${Object.keys(builders).join(', ')}`,
    );
  return build(part);
}
