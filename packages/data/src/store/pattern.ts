/** Patterns of file names: braces, `*`, `?`, `[...]`, `**`. */
import { expand } from 'brace-expansion';

/** Whether a text has wildcards, which only a list of files can resolve. */
export const isWildcard = (text: string): boolean => /[*?[]/.test(text);

/** The texts that braces stand for: `{00..12}`, `{a,b}`. */
export const braceExpand = (pattern: string): string[] => (pattern.includes('{') ? expand(pattern) : [pattern]);

/** Whether a text names several files. */
export const isPattern = (text: string): boolean => isWildcard(text) || braceExpand(text).length > 1;

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The names that a pattern without braces matches. Wildcards match no name or folder that begins with a dot, unless the dot is written. */
export function wildcardMatcher(pattern: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < pattern.length; ) {
    const begins = at === 0 || pattern[at - 1] === '/';
    const shown = begins ? '(?!\\.)' : '';
    const [wildcard = ''] = /^(?:\*\*\/|\*+|\?|\[!?[^\]/]+\])/.exec(pattern.slice(at)) ?? [];
    if (wildcard === '**/' && begins) source += '(?:(?!\\.)[^/]+/)*';
    else if (wildcard === '**' && begins && at + 2 === pattern.length) source += '(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+';
    else if (wildcard.startsWith('*')) source += `${shown}[^/]*${wildcard.endsWith('/') ? '/' : ''}`;
    else if (wildcard === '?') source += `${shown}[^/]`;
    else if (wildcard !== '')
      source += `${shown}[${wildcard[1] === '!' ? '^' : ''}${wildcard.slice(wildcard[1] === '!' ? 2 : 1, -1).replace(/[\\^]/g, '\\$&')}]`;
    else source += escaped(pattern[at] as string);
    at += Math.max(1, wildcard.length);
  }
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}

/** The part of a pattern before its first wildcard. */
export function fixedPrefix(pattern: string): string {
  const at = pattern.search(/[*?[]/);
  return at < 0 ? pattern : pattern.slice(0, at);
}
