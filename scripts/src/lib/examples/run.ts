/** Runs a program of the documentation in a process and a folder of its own, and says what is wrong with it. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Program, placeOf } from './program.ts';
import { type CoveredRange, placesToReach, unreached } from './reached.ts';

const sourceArguments = [
  '--conditions=tessera-source',
  ...['--import', new URL('../../../../packages/cli/bin/compile-cache.js', import.meta.url).href],
  ...['--import', new URL('./coverage.mjs', import.meta.url).href],
];

interface Ended {
  readonly failure: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const milliseconds = 60_000;

/** Runs the program's file in its folder. */
function execute(folder: string, file: string, coverage: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...sourceArguments, join(folder, file)],
      { cwd: folder, timeout: milliseconds, env: { ...process.env, NO_COLOR: '1', TESSERA_COVERAGE: coverage } },
      (error, stdout, stderr) => {
        const failure =
          error === null
            ? null
            : error.killed
              ? `did not end within ${milliseconds / 1000} s`
              : `exit status ${error.code}`;
        resolve({ failure, stdout, stderr });
      },
    );
  });
}

/** The last line of a program's own in a stack trace. */
function lineOfError(file: string, stderr: string): number | null {
  const [, line] = new RegExp(`${file.replaceAll('.', '\\.')}:(\\d+)`).exec(stderr) ?? [];
  return line === undefined ? null : Number(line);
}

/** What is wrong with a program that is a file in `folder`, by page and line; empty if nothing is. */
export async function runFaults(folder: string, program: Program): Promise<string[]> {
  const coverage = join(folder, 'coverage.json');
  const { failure, stdout, stderr } = await execute(folder, program.file, coverage);
  if (failure !== null) {
    const place = placeOf(program, lineOfError(program.file, stderr) ?? 1);
    return [`${place}: ${failure}\n${stderr.trim()}`];
  }
  const ranges: CoveredRange[] = JSON.parse(await fs.readFile(coverage, 'utf8'));
  const faults = unreached(placesToReach(program.source), ranges).map(
    ({ line, what }) => `${placeOf(program, line)}: ${what} is never reached`,
  );
  const odd = stdout.split('\n').find((line) => /\b(?:NaN|undefined)\b/.test(line));
  return odd === undefined ? faults : [...faults, `${placeOf(program, 1)}: prints ${odd}`];
}

/** The folder that contains `node_modules`, the repository's. */
export const repository = fileURLToPath(new URL('../../../..', import.meta.url));
