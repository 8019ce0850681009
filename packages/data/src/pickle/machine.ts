/** The stack machine of an unpickler. */
import { describeValue, type PickleValue } from './values.ts';

/** The state of an unpickler: a stack with marks, and a memo of values by number. */
export class Machine {
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  /** The value on top of the stack, which must be above the last mark. */
  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0))
      throw new Error('needs a value, but the stack is empty');
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Removes the last mark and all values above it, and returns these values in order. */
  popMark(): PickleValue[] {
    const start = this.#marks.pop();
    if (start === undefined) throw new Error('needs a mark, but there is none');
    return this.#stack.splice(start);
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error(`recalls value ${index}, which was never stored`);
    this.push(value);
  }

  /** The result. @throws unless exactly one value is left */
  finish(): PickleValue {
    const [value] = this.#stack;
    if (value === undefined || this.#stack.length > 1 || this.#marks.length > 0)
      throw new Error(`ends with ${this.#stack.length} values and ${this.#marks.length} marks; expected one value`);
    return value;
  }
}

/** `value` as an instance of the class that an operation works on. @throws if it is something else */
export function expect<T extends PickleValue>(
  value: PickleValue,
  kind: abstract new (...args: never[]) => T,
  what: string,
): T {
  if (!(value instanceof kind)) throw new Error(`needs ${what}, got ${describeValue(value)}`);
  return value;
}

export function expectText(value: PickleValue): string {
  if (typeof value !== 'string') throw new Error(`needs a string, got ${describeValue(value)}`);
  return value;
}
