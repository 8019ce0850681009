/** The committed cases, for tests. */
import { fileURLToPath } from 'node:url';
import { torchAdapters } from './adapters/index.ts';
import type { TorchCase } from './case-files.ts';
import { readKnownDifferences } from './known.ts';
import { runTorchSuite, type SuiteOptions, type SuiteReport, unsupportedCount } from './runner.ts';

const cases = fileURLToPath(new URL('../../torch-cases/', import.meta.url));
const knownFile = fileURLToPath(new URL('./known.txt', import.meta.url));

/** What a test expects of a run: no differences, and nearly no forms without an equivalent. */
export interface Outcome {
  /** Differences as text, the first ones. */
  readonly differences: readonly string[];
  /** The share of cases that have an equivalent. */
  readonly covered: number;
  readonly cases: number;
}

/** Runs the committed cases on the default backend. */
export async function runCommittedCases(options: Omit<SuiteOptions, 'adapters' | 'known'> = {}): Promise<Outcome> {
  const known = await readKnownDifferences(knownFile);
  const report: SuiteReport = await runTorchSuite(cases, { ...options, adapters: torchAdapters, known });
  return {
    differences: report.problems
      .slice(0, 20)
      .map(({ id, what, kind, detail, args }) => `${id} ${what} ${kind}: ${detail}; ${args.slice(0, 200)}`),
    covered: 1 - unsupportedCount(report.total) / report.total.cases,
    cases: report.total.cases,
  };
}

/** Every `n`-th case for which `isChosen` is true. */
export function every(n: number, isChosen: (torchCase: TorchCase) => boolean = () => true) {
  let k = 0;
  return (torchCase: TorchCase): boolean => isChosen(torchCase) && k++ % n === 0;
}

/** Cases that need no f64, and whose adapter reads no value before the results. */
export const isForGpu = ({ op, dtype, error }: TorchCase): boolean =>
  dtype !== 'f64' && error === undefined && !/^(optim|init|scaler|bn-|module:)/.test(op);
