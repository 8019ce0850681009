/** From the tree of a condition to a function of a row. */
import type { Value } from '../../arrow/column.ts';
import type { Features } from '../../arrow/features.ts';
import type { Row } from '../../format/shard.ts';
import { filterFunctions } from './functions.ts';
import type { Comparison, ConditionNode, Literal, ValueNode } from './parse.ts';

type Get = (row: Row) => Value | undefined;
type Test = (row: Row) => boolean;
type Comparable = string | number | boolean;

const compare: Readonly<Record<Comparison, (a: Comparable, b: Comparable) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const arithmetic = {
  '+': (a: number, b: number): number => a + b,
  '-': (a: number, b: number): number => a - b,
  '*': (a: number, b: number): number => a * b,
  '/': (a: number, b: number): number => a / b,
} as const;

/** Numbers, texts and truth values are compared with their own kind only; a missing value meets no comparison. */
function comparable(value: Value | undefined): Comparable | null {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

const isText = (node: ValueNode): boolean =>
  (node.kind === 'literal' && typeof node.value === 'string') || (node.kind === 'call' && node.name !== 'length');

/** Turns the trees of conditions on columns with these features into functions. */
export class FilterCompiler {
  readonly #features: Features;
  /** The columns that were used. */
  readonly columns = new Set<string>();

  constructor(features: Features) {
    this.#features = features;
  }

  /** @throws for the name of a class that does not exist */
  condition(node: ConditionNode): Test {
    switch (node.kind) {
      case 'and': {
        const parts = node.parts.map((part) => this.condition(part));
        return (row) => parts.every((part) => part(row));
      }
      case 'or': {
        const parts = node.parts.map((part) => this.condition(part));
        return (row) => parts.some((part) => part(row));
      }
      case 'not': {
        const part = this.condition(node.part);
        return (row) => !part(row);
      }
      case 'compare':
        return this.#comparison(node.sign, node.left, node.right);
      case 'in': {
        const tests = node.wanted.map((value) => this.#comparison('=', node.value, { kind: 'literal', value }));
        return (row) => tests.some((test) => test(row));
      }
      case 'matches': {
        const get = this.#value(node.value, true);
        return (row) => {
          const value = get(row);
          return typeof value === 'string' && node.pattern.test(value);
        };
      }
      case 'null': {
        const get = this.#value(node.value, false);
        return (row) => (get(row) ?? null) === null;
      }
      case 'test': {
        const get = this.#value(node.call, false);
        return (row) => get(row) === true;
      }
      default:
        return node satisfies never;
    }
  }

  #comparison(sign: Comparison, left: ValueNode, right: ValueNode): Test {
    this.#checkClass(left, right);
    this.#checkClass(right, left);
    const [a, b] = [this.#value(left, isText(right)), this.#value(right, isText(left))];
    const test = compare[sign];
    return (row) => {
      const [own, other] = [comparable(a(row)), comparable(b(row))];
      return own !== null && other !== null && typeof own === typeof other && test(own, other);
    };
  }

  /** @throws where a class label is compared with a name that is not one of its classes */
  #checkClass(column: ValueNode, other: ValueNode): void {
    const names = this.#classNames(column);
    if (names === null || column.kind !== 'column' || other.kind !== 'literal' || typeof other.value !== 'string')
      return;
    if (!names.includes(other.value))
      throw new Error(
        `column ${column.name} has no class ${JSON.stringify(other.value)}; its classes are ${names.slice(0, 20).join(', ')}${names.length > 20 ? ` and ${names.length - 20} more` : ''}`,
      );
  }

  #classNames(node: ValueNode): readonly string[] | null {
    const feature = node.kind === 'column' ? this.#features[node.name] : undefined;
    return feature?.type === 'class' ? feature.names : null;
  }

  /** @param named whether class labels are wanted as names */
  #value(node: ValueNode, named: boolean): Get {
    switch (node.kind) {
      case 'literal':
        return constant(node.value);
      case 'column': {
        const { name } = node;
        this.columns.add(name);
        const names = named ? this.#classNames(node) : null;
        return names === null ? (row) => row[name] : (row) => names[row[name] as number] ?? null;
      }
      case 'call': {
        const called = filterFunctions[node.name];
        if (called === undefined) throw new Error(`there is no function ${node.name}`);
        const values = node.values.map((value) => this.#value(value, called.takesTexts));
        return (row) => called.call(...values.map((value) => value(row)));
      }
      case 'arithmetic': {
        const [left, right] = [this.#value(node.left, false), this.#value(node.right, false)];
        const compute = arithmetic[node.sign];
        return (row) => {
          const [a, b] = [comparable(left(row)), comparable(right(row))];
          return typeof a === 'number' && typeof b === 'number' ? compute(a, b) : null;
        };
      }
      default:
        return node satisfies never;
    }
  }
}

const constant = (value: Literal): Get => {
  return () => value;
};
