/** Runs the cases in a runtime, as a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Runtime } from './find.ts';

interface CaseResult {
  readonly name: string;
  /** The error's stack; null if the case passed. */
  readonly failure: string | null;
  readonly seconds: number;
}

export interface RuntimeResult {
  readonly cases: readonly CaseResult[];
  /** What went wrong outside of the cases; null: nothing. */
  readonly failure: string | null;
}

const child = fileURLToPath(new URL('./child.ts', import.meta.url));
/** Some seconds are enough on a quiet machine. A process that has not ended by then hangs. */
const milliseconds = 240_000;

/** @param expected the number of cases: a process that ends before all of them has failed */
export function runCases({ path, arguments: before }: Runtime, expected: number): Promise<RuntimeResult> {
  return new Promise((resolve) => {
    execFile(
      path,
      [...before, child],
      { timeout: milliseconds, maxBuffer: 2 ** 26, env: { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' } },
      (error, stdout, stderr) => {
        const cases = parse(stdout);
        const failure =
          error === null && cases.length === expected
            ? null
            : error?.killed === true
              ? `has not ended after ${milliseconds / 1000} s`
              : `ended with ${error?.code ?? 0} after ${cases.length} of ${expected} cases\n${stderr.slice(-2000)}`;
        resolve({ cases, failure });
      },
    );
  });
}

/** The lines that are results: a case may print others. */
const parse = (text: string): CaseResult[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"name":'))
    .map((line) => JSON.parse(line) as CaseResult);
