/** Regular expressions of the `tokenizers` library, which Oniguruma reads there, as JavaScript's. */

/** Classes that differ: JavaScript's `\s` contains U+FEFF and not U+0085, and `\d` and `\w` only ASCII. */
const classes: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
};
const wordClasses: Readonly<Record<string, string>> = {
  w: '[\\p{L}\\p{M}\\p{N}\\p{Pc}]',
  W: '[^\\p{L}\\p{M}\\p{N}\\p{Pc}]',
};
const anchors: Readonly<Record<string, string>> = { A: '(?<![\\s\\S])', z: '(?![\\s\\S])' };
const startOfLine = '(?:(?<![\\s\\S])|(?<=\\n)(?=[\\s\\S]))';
const endOfLine = '(?![^\\n])';
const groups = ['(?:', '(?=', '(?!', '(?<=', '(?<!'];

const escaped = (character: string): string => (/[\^$\\.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character);
const quoted = (text: string): string => Array.from(text, (c) => (c === '-' ? c : escaped(c))).join('');

class Translator {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  #fail(what: string): never {
    throw new Error(
      `the regular expression ${JSON.stringify(this.#pattern)} has ${what} at character ${this.#at}, which is not supported; supported are literals, classes, \\p{...}, \\s \\d \\w, groups without a name, look-around, alternatives and quantifiers`,
    );
  }

  /** The next character, or text of `length` code points. */
  #take(): string {
    const code = this.#pattern.codePointAt(this.#at);
    if (code === undefined) return this.#fail('an unexpected end');
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#pattern);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  translate(): string {
    let out = '';
    while (this.#at < this.#pattern.length) out += this.#term();
    return out;
  }

  #term(): string {
    const group = groups.find((opening) => this.#pattern.startsWith(opening, this.#at));
    if (group !== undefined) {
      this.#at += group.length;
      return group;
    }
    if (this.#pattern.startsWith('(?', this.#at)) this.#fail('a group of another kind');
    const quantifier = this.#match(/(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})/y);
    if (quantifier !== null) {
      const lazy = this.#match(/\?/y) === null ? '' : '?';
      if (this.#match(/[+*?]/y) !== null) this.#fail('a quantifier of a quantifier');
      return quantifier[0].replace('{,', '{0,') + lazy;
    }
    const character = this.#take();
    switch (character) {
      case '\\':
        return this.#escape(false);
      case '[':
        return this.#class();
      case '.':
        return '[^\\n]';
      case '^':
        return startOfLine;
      case '$':
        return endOfLine;
      case '(':
        return '(?:';
      case ')':
      case '|':
        return character;
      default:
        return escaped(character);
    }
  }

  #escape(inClass: boolean): string {
    const property = this.#match(/([pP])\{(\^?)([A-Za-z_ ]+)\}/y);
    if (property !== null) return this.#property(property);
    const code = this.#match(/(?:x\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4}))/y);
    if (code !== null) return `\\u{${code[1] ?? code[2]}}`;
    const character = this.#take();
    const shared = classes[character] ?? (/[nrtfv]/.test(character) ? `\\${character}` : undefined);
    if (shared !== undefined) return shared;
    const word = wordClasses[character];
    if (word !== undefined && !inClass) return word;
    if (character === 'w') return (word as string).slice(1, -1);
    const anchor = anchors[character];
    if (anchor !== undefined && !inClass) return anchor;
    if (/[A-Za-z0-9]/.test(character)) this.#fail(`\\${character}`);
    return escaped(character);
  }

  #property([, letter, negated, name]: RegExpExecArray): string {
    const sign = (letter === 'P') !== (negated === '^') ? 'P' : 'p';
    for (const form of [name, `Script=${name}`]) {
      const property = `\\${sign}{${form}}`;
      try {
        new RegExp(property, 'u');
        return property;
      } catch {
        // Not a property of this form.
      }
    }
    return this.#fail(`the unknown property ${name}`);
  }

  #class(): string {
    const negated = this.#match(/\^/y) === null ? '' : '^';
    let out = '';
    for (;;) {
      if (this.#pattern.startsWith('&&', this.#at)) this.#fail('an intersection of classes');
      const character = this.#take();
      if (character === ']' && out !== '') return `[${negated}${out}]`;
      if (character === '[' || character === ']') this.#fail('a class within a class');
      if (character === '\\') out += this.#escape(true);
      // A hyphen between two characters is a range, and at the start or the end itself.
      else if (character === '-' && (out === '' || this.#pattern[this.#at] === ']')) out += '\\-';
      else out += character === '-' ? '-' : escaped(character);
    }
  }
}

/** Translates a pattern, to be used with `matchAll` or `replace`. @throws where it has something that is not supported */
export function translateRegex(pattern: string): RegExp {
  const source = new Translator(pattern).translate();
  let regex: RegExp;
  try {
    regex = new RegExp(source, 'gu');
  } catch (cause) {
    throw new Error(`the regular expression ${JSON.stringify(pattern)} is not valid`, { cause });
  }
  if (new RegExp(source, 'u').test(''))
    throw new Error(`the regular expression ${JSON.stringify(pattern)} matches an empty text, which is not supported`);
  return regex;
}

/** A pattern that matches a text itself. */
export function literalRegex(text: string): RegExp {
  if (text === '') throw new Error('an empty pattern is not supported');
  return new RegExp(quoted(text), 'gu');
}
