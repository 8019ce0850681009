/** Conditions on the columns of a row, such as `similarity > 0.28 and width >= 200`, and the rows of a split that meet one. */
import type { Value } from '../arrow/column.ts';
import type { Row } from '../format/shard.ts';
import type { Split } from './split.ts';

/** A condition on a row. */
export interface Filter {
  /** The columns that it reads. */
  readonly columns: readonly string[];
  test(row: Row): boolean;
}

type Literal = string | number | boolean;

interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

const tokenPattern =
  /\s*(?:(?<number>-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\p{N}_.]*)|`(?<quoted>[^`]+)`|(?<text>"[^"]*"|'[^']*')|(?<sign><=|>=|!=|==|[=<>(),]))/uy;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  let at = 0;
  while (source.slice(at).trim() !== '') {
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(source)?.groups;
    if (found === undefined) throw new Error(`at "${source.slice(at).trim().slice(0, 20)}": not understood`);
    const { number, name, quoted, text, sign } = found;
    const end = tokenPattern.lastIndex;
    if (number !== undefined) tokens.push({ kind: 'number', text: number, at });
    else if (text !== undefined) tokens.push({ kind: 'text', text: text.slice(1, -1), at });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at });
    else tokens.push({ kind: 'name', text: name ?? `\`${quoted}`, at });
    at = end;
  }
  return [...tokens, { kind: 'end', text: 'the end', at }];
}

type Test = (row: Row) => boolean;

/** Numbers and texts are compared with their own kind only; a missing value meets no comparison. */
function comparison(operator: string, wanted: Literal): (value: Value | undefined) => boolean {
  const same = (value: Value | undefined): value is Literal => typeof value === typeof wanted;
  const exact = (value: Value | undefined): Value | undefined => (typeof value === 'bigint' ? Number(value) : value);
  const tests: Readonly<Record<string, (value: Literal) => boolean>> = {
    '=': (value) => value === wanted,
    '==': (value) => value === wanted,
    '!=': (value) => value !== wanted,
    '<': (value) => value < wanted,
    '<=': (value) => value <= wanted,
    '>': (value) => value > wanted,
    '>=': (value) => value >= wanted,
  };
  const test = tests[operator];
  if (test === undefined) throw new Error(`"${operator}" compares nothing; use =, !=, <, <=, >, >=, in or is null`);
  return (value) => {
    const own = exact(value);
    return same(own) && test(own);
  };
}

/** Reads a condition by recursive descent: `or` binds least, then `and`, then `not`. */
class Parser {
  readonly #tokens: readonly Token[];
  readonly columns = new Set<string>();
  #next = 0;

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  whole(): Test {
    const test = this.#or();
    if (this.#peek().kind !== 'end') throw this.#unexpected('and, or, or the end');
    return test;
  }

  #or(): Test {
    const parts = [this.#and()];
    while (this.#word('or')) parts.push(this.#and());
    return (row) => parts.some((part) => part(row));
  }

  #and(): Test {
    const parts = [this.#not()];
    while (this.#word('and')) parts.push(this.#not());
    return (row) => parts.every((part) => part(row));
  }

  #not(): Test {
    if (this.#word('not')) {
      const inner = this.#not();
      return (row) => !inner(row);
    }
    if (!this.#sign('(')) return this.#condition();
    const inner = this.#or();
    this.#expect(')');
    return inner;
  }

  #condition(): Test {
    const column = this.#column();
    if (this.#word('is')) {
      const negated = this.#word('not');
      if (!this.#word('null')) throw this.#unexpected('null');
      return (row) => ((row[column] ?? null) === null) !== negated;
    }
    if (this.#word('in')) {
      this.#expect('(');
      const wanted = [this.#literal()];
      while (this.#sign(',')) wanted.push(this.#literal());
      this.#expect(')');
      const tests = wanted.map((value) => comparison('=', value));
      return (row) => tests.some((test) => test(row[column]));
    }
    const { kind, text } = this.#peek();
    if (kind !== 'sign') throw this.#unexpected('a comparison');
    this.#next++;
    const test = comparison(text, this.#literal());
    return (row) => test(row[column]);
  }

  #column(): string {
    const { kind, text } = this.#peek();
    if (kind !== 'name') throw this.#unexpected('the name of a column');
    this.#next++;
    const name = text.replace(/^`/, '');
    this.columns.add(name);
    return name;
  }

  #literal(): Literal {
    const { kind, text } = this.#peek();
    const isTruth = kind === 'name' && /^(true|false)$/i.test(text);
    if (kind !== 'text' && kind !== 'number' && !isTruth) throw this.#unexpected('a number or a quoted text');
    this.#next++;
    if (isTruth) return text.toLowerCase() === 'true';
    return kind === 'number' ? Number(text) : text;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #word(word: string): boolean {
    const { kind, text } = this.#peek();
    const found = kind === 'name' && text.toLowerCase() === word;
    if (found) this.#next++;
    return found;
  }

  #sign(sign: string): boolean {
    const { kind, text } = this.#peek();
    const found = kind === 'sign' && text === sign;
    if (found) this.#next++;
    return found;
  }

  #expect(sign: string): void {
    if (!this.#sign(sign)) throw this.#unexpected(`"${sign}"`);
  }

  #unexpected(expected: string): Error {
    const { text, at } = this.#peek();
    return new Error(`expected ${expected}, found ${text} (character ${at + 1})`);
  }
}

/**
 * Reads a condition: comparisons of a column with a number, a quoted text, true or false (`=`, `!=`, `<`, `<=`, `>`, `>=`),
 * `COLUMN in (1, 2)`, `COLUMN is null`, `COLUMN is not null`, joined by `and`, `or`, `not` and parentheses. Names with other characters
 * than letters, digits, dots and underscores are in backquotes. A missing value meets no comparison.
 *
 * @throws for a text that is no condition; the message has the place
 */
export function parseFilter(source: string): Filter {
  try {
    const parser = new Parser(source);
    const test = parser.whole();
    return { columns: [...parser.columns], test };
  } catch (error) {
    throw new Error(`filter ${JSON.stringify(source)}: ${(error as Error).message}`);
  }
}

/**
 * The rows of a split that meet a condition, in their order. Rows in a damaged part of a file are among them, so that they are counted as
 * rows that cannot be used.
 *
 * @throws for a column that is missing, and where no row meets the condition
 */
export async function filterSplit(split: Split, source: string): Promise<Split> {
  const { columns, test } = parseFilter(source);
  const found: number[] = [];
  for await (const { from, count, damage, value } of split.scan(columns))
    for (let k = 0; k < count; k++) {
      const row = Object.fromEntries(columns.map((column, place) => [column, value(place, k)]));
      if (damage !== null || test(row)) found.push(from + k);
    }
  if (found.length === 0)
    throw new Error(
      `${split.path}, split "${split.name}": none of its ${split.length} rows meets the filter ${JSON.stringify(source)}`,
    );
  return split.select(found);
}
