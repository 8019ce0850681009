/** From the text of a condition to its tree, by recursive descent. */
import { filterFunctions } from './functions.ts';
import { type Token, tokenize } from './tokens.ts';

export type Literal = string | number | boolean;

const comparisons = ['=', '==', '!=', '<>', '<', '<=', '>', '>='] as const;
export type Comparison = (typeof comparisons)[number];
type Arithmetic = '+' | '-' | '*' | '/';

/** A value of a row. */
export type ValueNode =
  | { readonly kind: 'literal'; readonly value: Literal }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly values: readonly ValueNode[] }
  | { readonly kind: 'arithmetic'; readonly sign: Arithmetic; readonly left: ValueNode; readonly right: ValueNode };

/** A condition on a row. */
export type ConditionNode =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly ConditionNode[] }
  | { readonly kind: 'not'; readonly part: ConditionNode }
  | { readonly kind: 'compare'; readonly sign: Comparison; readonly left: ValueNode; readonly right: ValueNode }
  | { readonly kind: 'in'; readonly value: ValueNode; readonly wanted: readonly Literal[] }
  | { readonly kind: 'matches'; readonly value: ValueNode; readonly pattern: RegExp }
  | { readonly kind: 'null'; readonly value: ValueNode }
  | { readonly kind: 'test'; readonly call: ValueNode };

type Node = ValueNode | ConditionNode;

const valueKinds: ReadonlySet<Node['kind']> = new Set(['literal', 'column', 'call', 'arithmetic']);
const isValue = (node: Node): node is ValueNode => valueKinds.has(node.kind);
const isComparison = (text: string): text is Comparison => (comparisons as readonly string[]).includes(text);

/** The words of the language; a column of that name is written in backquotes. */
const reserved: ReadonlySet<string> = new Set('and or not in is null like ilike matches between true false'.split(' '));

/** The expression that a pattern of SQL means: `%` is any text, `_` any character. */
function likePattern(pattern: string, ignoreCase: boolean): RegExp {
  const source = Array.from(pattern, (character) =>
    character === '%' ? '.*' : character === '_' ? '.' : character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&'),
  ).join('');
  return new RegExp(`^${source}$`, ignoreCase ? 'sui' : 'su');
}

/** Reads a condition: `or` binds least, then `and`, `not`, comparisons, sums, products. */
class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  whole(): ConditionNode {
    const node = this.#condition(this.#or());
    if (this.#peek().kind !== 'end') throw this.#unexpected('and, or, or the end');
    return node;
  }

  #or(): Node {
    return this.#joined('or', () => this.#and());
  }

  #and(): Node {
    return this.#joined('and', () => this.#not());
  }

  #joined(kind: 'and' | 'or', parse: () => Node): Node {
    const first = parse();
    if (!this.#isWord(kind)) return first;
    const parts = [this.#condition(first)];
    while (this.#word(kind)) parts.push(this.#condition(parse()));
    return { kind, parts };
  }

  #not(): Node {
    return this.#word('not') ? { kind: 'not', part: this.#condition(this.#not()) } : this.#comparison();
  }

  #comparison(): Node {
    const value = this.#sum();
    if (!isValue(value)) return value;
    if (this.#word('is')) {
      const negated = this.#word('not');
      if (!this.#word('null')) throw this.#unexpected('null');
      return this.#negated(negated, { kind: 'null', value });
    }
    const negated = this.#word('not');
    if (this.#word('in')) return this.#negated(negated, { kind: 'in', value, wanted: this.#list() });
    for (const word of ['like', 'ilike', 'matches'] as const)
      if (this.#word(word)) return this.#negated(negated, { kind: 'matches', value, pattern: this.#pattern(word) });
    if (this.#word('between')) {
      const low = this.#value(this.#sum());
      if (!this.#word('and')) throw this.#unexpected('and');
      const high = this.#value(this.#sum());
      const parts: ConditionNode[] = [
        { kind: 'compare', sign: '>=', left: value, right: low },
        { kind: 'compare', sign: '<=', left: value, right: high },
      ];
      return this.#negated(negated, { kind: 'and', parts });
    }
    if (negated) throw this.#unexpected('in, like, ilike, matches or between');
    const { kind, text } = this.#peek();
    if (kind !== 'sign' || !isComparison(text)) return value;
    this.#next++;
    return { kind: 'compare', sign: text, left: value, right: this.#value(this.#sum()) };
  }

  #negated(negated: boolean, part: ConditionNode): ConditionNode {
    return negated ? { kind: 'not', part } : part;
  }

  #list(): Literal[] {
    this.#expect('(');
    const wanted = [this.#literal()];
    while (this.#sign(',')) wanted.push(this.#literal());
    this.#expect(')');
    return wanted;
  }

  #pattern(word: 'like' | 'ilike' | 'matches'): RegExp {
    const { kind, text } = this.#peek();
    if (kind !== 'text') throw this.#unexpected('a quoted pattern');
    this.#next++;
    if (word !== 'matches') return likePattern(text, word === 'ilike');
    try {
      return new RegExp(text, 'u');
    } catch (error) {
      throw new Error(`${JSON.stringify(text)} is not a regular expression (${(error as Error).message})`);
    }
  }

  #sum(): Node {
    return this.#operators(['+', '-'], () => this.#operators(['*', '/'], () => this.#primary()));
  }

  #operators(signs: readonly Arithmetic[], parse: () => Node): Node {
    let left = parse();
    for (;;) {
      const sign = signs.find((each) => this.#isSign(each));
      if (sign === undefined) return left;
      const value = this.#value(left);
      this.#next++;
      left = { kind: 'arithmetic', sign, left: value, right: this.#value(parse()) };
    }
  }

  #primary(): Node {
    if (this.#sign('(')) {
      const inner = this.#or();
      this.#expect(')');
      return inner;
    }
    const { kind, text } = this.#peek();
    if (kind === 'quoted' || (kind === 'name' && !reserved.has(text.toLowerCase()))) {
      this.#next++;
      return kind === 'name' && this.#sign('(') ? this.#call(text) : { kind: 'column', name: text };
    }
    return { kind: 'literal', value: this.#literal() };
  }

  #call(written: string): Node {
    const name = written.toLowerCase();
    const called = Object.hasOwn(filterFunctions, name) ? filterFunctions[name] : undefined;
    if (called === undefined)
      throw new Error(`there is no function ${written}; the functions are ${Object.keys(filterFunctions).join(', ')}`);
    const values = [this.#value(this.#sum())];
    while (this.#sign(',')) values.push(this.#value(this.#sum()));
    this.#expect(')');
    if (values.length !== called.parameters)
      throw new Error(`${written} takes ${called.parameters} values, found ${values.length}`);
    const call = { kind: 'call', name, values } as const;
    return called.isCondition ? { kind: 'test', call } : call;
  }

  #literal(): Literal {
    const negative = this.#sign('-');
    const { kind, text } = this.#peek();
    const isTruth = kind === 'name' && /^(true|false)$/i.test(text);
    if (kind !== 'number' && (negative || (kind !== 'text' && !isTruth)))
      throw this.#unexpected(negative ? 'a number' : 'a column, a number or a quoted text');
    this.#next++;
    if (isTruth) return text.toLowerCase() === 'true';
    return kind === 'number' ? (negative ? -1 : 1) * Number(text) : text;
  }

  #condition(node: Node): ConditionNode {
    if (isValue(node)) throw this.#unexpected(`a comparison (${comparisons.join(', ')}, in, like, is null)`);
    return node;
  }

  #value(node: Node): ValueNode {
    if (!isValue(node)) throw this.#unexpected('a value, not a condition, before it');
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #isWord(word: string): boolean {
    const { kind, text } = this.#peek();
    return kind === 'name' && text.toLowerCase() === word;
  }

  #word(word: string): boolean {
    const found = this.#isWord(word);
    if (found) this.#next++;
    return found;
  }

  #isSign(sign: string): boolean {
    const { kind, text } = this.#peek();
    return kind === 'sign' && text === sign;
  }

  #sign(sign: string): boolean {
    const found = this.#isSign(sign);
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

/** The tree of a condition. @throws for a text that is not one; the message has the place */
export const parseCondition = (source: string): ConditionNode => new Parser(source).whole();
