/** Modules of the user, in TypeScript or JavaScript: they register tasks and loggers before a command begins. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { callerFolder, fromCaller } from './call.ts';
import { UsageError } from './usage-error.ts';

/** Tells the processes of a sweep which modules to load. */
const variable = 'TESSERA_IMPORTS';

/** The values of `--import`, wherever they are among the arguments. */
export const importsOf = (args: readonly string[]): string[] =>
  args.flatMap((arg, k) => {
    if (arg.startsWith('--import=')) return [arg.slice('--import='.length)];
    return arg === '--import' && args[k + 1] !== undefined ? [args[k + 1] as string] : [];
  });

/** Where in the user's files an error comes from: FILE:LINE:COLUMN, relative to the current folder. */
function placeOf(error: Error): string | null {
  for (const [, location = ''] of (error.stack ?? '').matchAll(
    /(?:\(|at )((?:file:\/\/|\/|[A-Za-z]:\\)[^()\n]*:\d+:\d+)/g,
  )) {
    const [, url = '', place = ''] = /^(.*?)(:\d+:\d+)$/.exec(location) ?? [];
    const path = url.startsWith('file:') ? fileURLToPath(url.replace(/\?.*$/, '')) : url;
    if (path.includes('/node_modules/') || path.startsWith('node:')) continue;
    return `${relative(callerFolder, path)}${place}`;
  }
  return null;
}

let understands = false;

/** From now on, modules in TypeScript can be imported. */
export async function understandTypeScript(): Promise<void> {
  if (understands) return;
  understands = true;
  const { register } = await import('tsx/esm/api');
  const { register: registerRequire } = await import('tsx/cjs/api');
  register();
  registerRequire();
  process.setSourceMapsEnabled(true);
}

/**
 * Loads modules through tsx, which understands all of TypeScript on every version of Node, enums and decorators included.
 *
 * @param files relative to the folder that the command was called from
 * @throws UsageError with the file and the line of the mistake
 */
export async function importModules(files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const missing = files.find((file) => !existsSync(fromCaller(file)));
  if (missing !== undefined) throw new UsageError(`--import ${missing}: there is no such file`);
  await understandTypeScript();
  for (const file of files)
    try {
      await import(pathToFileURL(fromCaller(file)).href);
    } catch (error) {
      const { name, message } = error as Error;
      const place = placeOf(error as Error);
      throw new UsageError(`--import ${file}: ${place === null ? '' : `${place}: `}${name}: ${message}`, {
        cause: error,
      });
    }
  process.env[variable] = JSON.stringify(files.map((file) => resolve(fromCaller(file))));
}

/** Loads the modules of the process that has started this one. */
export const importParentsModules = (): Promise<void> =>
  importModules(JSON.parse(process.env[variable] ?? '[]') as string[]);
