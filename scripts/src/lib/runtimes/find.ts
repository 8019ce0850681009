/** Where Node, Deno and Bun are on this machine, and how each executes a TypeScript file. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const runtimeNames = ['node', 'deno', 'bun'] as const;
export type RuntimeName = (typeof runtimeNames)[number];

export interface Runtime {
  readonly name: RuntimeName;
  readonly path: string;
  readonly version: string;
  /** What comes before the file on the command line. */
  readonly arguments: readonly string[];
}

const argumentsOf = {
  node: [],
  // Tests read, write, start threads and load a native library (sharp).
  deno: ['run', '--allow-all'],
  bun: ['run'],
} satisfies Record<RuntimeName, string[]>;

/** Deno and Bun of the pinned versions, if they were installed there. */
const pinned = fileURLToPath(new URL('../../../runtimes/node_modules/.bin', import.meta.url));

/** What to do where Deno or Bun is missing. */
export const howToInstall = 'npm ci --prefix scripts/runtimes';

/** This process's Node; Deno and Bun of `scripts/runtimes`, or else of the PATH. Null where there is none that starts. */
export function findRuntime(name: RuntimeName): Runtime | null {
  if (name === 'node') return describe(name, process.execPath);
  const folders = [pinned, ...(process.env.PATH ?? '').split(delimiter)];
  const path = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
  return path === undefined ? null : describe(name, path);
}

function describe(name: RuntimeName, path: string): Runtime | null {
  try {
    const text = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [version = ''] = /\d+\.\d+\.\d+/.exec(text) ?? [];
    return { name, path, version, arguments: argumentsOf[name] };
  } catch {
    return null;
  }
}
