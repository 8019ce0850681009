import { describeValue, type PickleValue } from './values.ts';

/** The state of an unpickling: a stack, with marks on it, and the values that were put aside by number. */
export class Machine {
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new Error('takes a value from an empty stack');
    return this.#stack.pop() as PickleValue;
  }

  top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new Error('looks at an empty stack');
    return this.#stack.at(-1) as PickleValue;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** All values above the last mark, in order; the mark goes too. */
  popMark(): PickleValue[] {
    const start = this.#marks.pop();
    if (start === undefined) throw new Error('needs a mark, and there is none');
    return this.#stack.splice(start);
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw new Error(`recalls value ${index}, which was never put aside`);
    this.push(this.#memo.get(index) as PickleValue);
  }

  /** The result. @throws where more or less than one value is left */
  finish(): PickleValue {
    if (this.#stack.length !== 1 || this.#marks.length > 0)
      throw new Error(`ends with ${this.#stack.length} values and ${this.#marks.length} marks instead of one value`);
    return this.#stack[0] as PickleValue;
  }
}

/** `value` as the kind that an operation works on. */
export function expect<T extends PickleValue>(
  value: PickleValue,
  kind: abstract new (...args: never[]) => T,
  what: string,
): T {
  if (!(value instanceof kind)) throw new Error(`needs ${what}, got ${describeValue(value)}`);
  return value;
}

export function expectText(value: PickleValue): string {
  if (typeof value !== 'string') throw new Error(`needs a text, got ${describeValue(value)}`);
  return value;
}
