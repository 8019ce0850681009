/** Patterns of file names: braces, `*`, `?`, `**`. */
import { braceExpand, Minimatch } from 'minimatch';

/** Whether a text has wildcards, which only a list of files can resolve. */
export const isWildcard = (text: string): boolean => /[*?[]/.test(text);

/** Whether a text names several files. */
export const isPattern = (text: string): boolean => isWildcard(text) || braceExpand(text).length > 1;

/** The names that a pattern without braces matches. */
export function wildcardMatcher(pattern: string): (name: string) => boolean {
  const matcher = new Minimatch(pattern, { nobrace: true, nocomment: true, nonegate: true });
  return (name) => matcher.match(name);
}

/** The part of a pattern before its first wildcard. */
export function fixedPrefix(pattern: string): string {
  const at = pattern.search(/[*?[]/);
  return at < 0 ? pattern : pattern.slice(0, at);
}
