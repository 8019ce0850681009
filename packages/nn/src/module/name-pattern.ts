/** Patterns that choose parameters and modules by their paths. */
import { closestName } from './closest.ts';

/**
 * A path (`head.weight`), its beginning (`visual`), a pattern of whole paths with `*` for any text (`*bias`), or a regular expression. Where no path
 * begins with the text, one or more whole names within the paths: `c_fc`, `attn.out_proj`.
 */
export type NamePattern = string | RegExp;

function matcher(pattern: NamePattern): (name: string) => boolean {
  if (typeof pattern !== 'string') return (name) => name.search(pattern) !== -1;
  if (!pattern.includes('*')) return (name) => name === pattern || name.startsWith(`${pattern}.`);
  const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  const expression = new RegExp(`^${source.join('.*')}$`);
  return (name) => expression.test(name);
}

const isPlain = (pattern: NamePattern): pattern is string => typeof pattern === 'string' && !pattern.includes('*');

/** The named values that match `pattern`. @throws Error with the nearest name, or else all of them, if there are none */
export function selectByPattern<T>(named: readonly [string, T][], pattern: NamePattern): [string, T][] {
  const chosen = named.filter(([name]) => matcher(pattern)(name));
  if (chosen.length > 0) return chosen;
  const within = isPlain(pattern) ? named.filter(([name]) => `${name}.`.includes(`.${pattern}.`)) : [];
  if (within.length > 0) return within;
  const prefixes = named.flatMap(([name]) => name.split('.').map((_, k, parts) => parts.slice(0, k + 1).join('.')));
  // The path before the wildcards at the end: that of 'visul.*' is 'visul'.
  const near = typeof pattern === 'string' ? closestName(pattern.replace(/[.*]+$/, ''), prefixes) : undefined;
  const help =
    near === undefined
      ? `; there are ${listNames(named.map(([name]) => name)) || 'none'}`
      : `; did you mean '${near}'?`;
  throw new Error(`no parameter matches '${pattern}'${help}`);
}

const listed = 24;

/** Names for a message: those that differ in numbers only are shown once, with `*` for the number. */
export function listNames(names: readonly string[]): string {
  const kinds = [...new Set(names.map((name) => name.replaceAll(/(^|\.)\d+(?=\.|$)/g, '$1*')))];
  const shown = kinds.slice(0, listed).join(', ');
  return kinds.length > listed ? `${shown} and ${kinds.length - listed} more` : shown;
}
