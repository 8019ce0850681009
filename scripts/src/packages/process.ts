/** Runs programs, with their output as text. */
import { execFile } from 'node:child_process';

export interface Ran {
  readonly status: number;
  readonly out: string;
  /** Standard output and standard error. */
  readonly all: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which it is killed [default: 120 s]. */
  readonly timeout?: number;
}

/** Runs a program to its end. It does not throw where the program fails. */
export const run = (
  file: string,
  args: readonly string[],
  { cwd, env = process.env, timeout = 120_000 }: RunOptions,
): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(file, args, { cwd, env, timeout, maxBuffer: 2 ** 28 }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      const killed = error?.killed === true ? `\nkilled after ${timeout / 1000} s` : '';
      resolve({ status, out, all: `${out}${err}${killed}` });
    });
  });

/** Runs a program. @throws its output, where it fails */
export async function runOrThrow(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { status, out, all } = await run(file, args, options);
  if (status !== 0) throw new Error(`${[file, ...args].join(' ')}: exit status ${status}\n${all.trim()}`);
  return out;
}
