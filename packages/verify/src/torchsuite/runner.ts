/** Runs the cases of a folder and counts what came out. */
import { manualSeed } from '@tessera/tensor';
import type { Adapters } from './adapters/call.ts';
import { readFamilies, type TorchCase } from './case-files.ts';
import type { KnownDifferences } from './known.ts';
import type { Layout } from './layouts.ts';
import { type Problem, runCase } from './run-case.ts';

export interface SuiteOptions {
  readonly adapters: Adapters;
  readonly layout?: Layout;
  readonly compiled?: boolean;
  /** The dtypes of cases that are run; '' for those of refusals. Default: all but f16 and bf16. */
  readonly dtypes?: readonly string[];
  /** Only families of such a name. */
  readonly only?: RegExp;
  /** Only cases for which this is true. */
  readonly choose?: (torchCase: TorchCase) => boolean;
  readonly known?: KnownDifferences;
}

/** How many cases of a group had which outcome. */
export interface Tally {
  cases: number;
  passed: number;
  failed: number;
  refused: number;
  /** The forms of a call without an equivalent, and how often they came up. */
  readonly unsupported: Map<string, number>;
}

export interface SuiteReport {
  readonly tallies: ReadonlyMap<string, Tally>;
  readonly total: Tally;
  /** The differences that are not known. */
  readonly problems: readonly Problem[];
  /** Cases with known differences only. They count as passed or refused. */
  readonly knownCases: number;
}

export const defaultDTypes = ['f64', 'f32', 'i32', 'u8', 'bool', ''] as const;

const newTally = (): Tally => ({ cases: 0, passed: 0, failed: 0, refused: 0, unsupported: new Map() });

const count = (map: Map<string, number>, key: string): void => {
  map.set(key, (map.get(key) ?? 0) + 1);
};

/**
 * Runs every case below `directory` on the default backend.
 *
 * @throws Error if the folder has no case files
 */
export async function runTorchSuite(
  directory: string,
  { adapters, layout = 'plain', compiled = false, dtypes = defaultDTypes, only, choose, known }: SuiteOptions,
): Promise<SuiteReport> {
  const tallies = new Map<string, Tally>();
  const total = newTally();
  const problems: Problem[] = [];
  let knownCases = 0;
  for await (const { cases, tensors } of readFamilies(directory, only))
    for (const torchCase of cases) {
      if (!dtypes.includes(torchCase.dtype) || choose?.(torchCase) === false) continue;
      const key = torchCase.tally ?? torchCase.op;
      const tally = tallies.get(key) ?? newTally();
      tallies.set(key, tally);
      const both = [tally, total];
      for (const each of both) each.cases++;
      // Random initial values are the same in every run.
      manualSeed(0);
      const result = await runCase(torchCase, tensors, { adapters, layout, compiled });
      if (result.outcome === 'unsupported') {
        for (const each of both) count(each.unsupported, result.reason);
        continue;
      }
      const open = result.problems.filter((problem) => known?.includes(problem) !== true);
      const isKnown = result.problems.length > 0 && open.length === 0;
      if (isKnown) knownCases++;
      problems.push(...open);
      const outcome = isKnown && result.outcome === 'failed' ? 'passed' : result.outcome;
      for (const each of both) each[outcome]++;
    }
  return { tallies, total, problems, knownCases };
}

/** How many cases have a form without an equivalent. */
export const unsupportedCount = ({ unsupported }: Tally): number =>
  [...unsupported.values()].reduce((sum, n) => sum + n, 0);
