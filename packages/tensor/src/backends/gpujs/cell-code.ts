/** Writes the body of one kernel function, statement by statement. */
import { type Term, textOf } from './term.ts';

/**
 * The contents of a kernel's argument `special`: numbers that cannot be written as literals, and a 0 that is hidden from compilers,
 * because shader compilers replace 0 * x by 0 even where x is infinite or NaN.
 */
export const specialNumbers = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0] as const;

const indent = '  ';

/**
 * The statements so far. Every value is kept in a variable, which is a float in every mode of gpu.js (also if its initial value is an
 * integer expression), so whole numbers are exact below 2^24.
 */
export class CellCode {
  readonly #lines: string[] = [];
  #depth = 1;
  #names = 0;
  #usesSpecial = false;

  get usesSpecial(): boolean {
    return this.#usesSpecial;
  }

  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  line(text: string): void {
    this.#lines.push(indent.repeat(this.#depth) + text);
  }

  /** A new variable with that value; a known number and an existing variable are returned unchanged. */
  local(value: Term): Term {
    if (typeof value === 'number' || /^v\d+$/.test(value)) return value;
    const name = this.name('v');
    this.line(`let ${name} = ${value};`);
    return name;
  }

  /** A variable that is assigned later. */
  variable(start: Term): string {
    const name = this.name('s');
    this.line(`let ${name} = ${textOf(start)};`);
    return name;
  }

  /** A number of any kind as a term. */
  number(value: number): Term {
    return Number.isFinite(value) ? value : this.hidden(value);
  }

  /** One of the special numbers, as an expression that compilers cannot fold. */
  hidden(value: number): Term {
    this.#usesSpecial = true;
    return this.local(`special[${specialNumbers.findIndex((special) => Object.is(special, value))}]`);
  }

  /** Repeats `body` for every index from 0 to `count` - 1; the loop variable is an integer. */
  loop(count: number, body: (variable: string) => void): void {
    const variable = this.name('k');
    this.line(`for (let ${variable} = 0; ${variable} < ${count}; ${variable}++) {`);
    this.#depth++;
    body(variable);
    this.#depth--;
    this.line('}');
  }

  /** Repeats `body` while `variable`, which the loop increments, is below `end`. */
  whileBelow(variable: string, end: Term, body: () => void): void {
    const turn = this.name('t');
    this.line(`for (let ${turn} = ${variable}; ${turn} < ${textOf(end)}; ${turn} = ${turn} + 1) {`);
    this.#depth++;
    this.line(`${variable} = ${turn};`);
    body();
    this.#depth--;
    this.line('}');
  }

  finish(result: Term): string {
    return [...this.#lines, `${indent}return ${textOf(result)};`].join('\n');
  }
}
