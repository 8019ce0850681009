/** The words, numbers and signs that a condition is made of. */

export interface Token {
  /** `quoted`: a name in backquotes, which is a column even if it is a word of the language. */
  readonly kind: 'name' | 'quoted' | 'text' | 'number' | 'sign' | 'end';
  readonly text: string;
  /** The character at which it begins. */
  readonly at: number;
}

const tokenPattern =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\p{N}_.]*)|`(?<quoted>[^`]+)`|(?<text>"[^"]*"|'[^']*')|(?<sign><=|>=|!=|<>|==|[=<>(),+\-*/]))/uy;

/** @throws for characters that begin nothing known */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (source.slice(at).trim() !== '') {
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(source);
    if (found?.groups === undefined) throw new Error(`at "${source.slice(at).trim().slice(0, 20)}": not understood`);
    const begin = at + (found[0].length - found[0].trimStart().length);
    for (const kind of ['number', 'name', 'quoted', 'text', 'sign'] as const) {
      const text = found.groups[kind];
      if (text !== undefined) tokens.push({ kind, text: kind === 'text' ? text.slice(1, -1) : text, at: begin });
    }
    at = tokenPattern.lastIndex;
  }
  return [...tokens, { kind: 'end', text: 'the end', at: source.length }];
}
