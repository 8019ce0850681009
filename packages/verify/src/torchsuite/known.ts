/** Differences from PyTorch that are documented and right. */
import { promises as fs } from 'node:fs';
import type { Problem } from './run-case.ts';

export interface KnownDifferences {
  includes(problem: Problem): boolean;
  /** Patterns that no problem has matched so far. */
  unused(): readonly string[];
}

/**
 * Reads a file of known differences: one regular expression a line, which is matched against "ID WHAT KIND". Lines that begin with `#`
 * say why the differences below them are right.
 */
export async function readKnownDifferences(file: string): Promise<KnownDifferences> {
  const lines = (await fs.readFile(file, 'utf8')).split('\n');
  return knownDifferences(lines.filter((line) => line.trim() !== '' && !line.startsWith('#')));
}

export function knownDifferences(patterns: readonly string[]): KnownDifferences {
  const known = patterns.map((pattern) => ({ pattern, expression: new RegExp(pattern), isUsed: false }));
  return {
    includes({ id, what, kind }) {
      const found = known.filter(({ expression }) => expression.test(`${id} ${what} ${kind}`));
      for (const entry of found) entry.isUsed = true;
      return found.length > 0;
    },
    unused: () => known.filter(({ isUsed }) => !isUsed).map(({ pattern }) => pattern),
  };
}
