/** How commands are called: their names, and what a user types. */
import { resolve } from 'node:path';

/** The commands for users. `commands.ts` has a row for each. */
export const commandNames = [
  'init',
  'train',
  'sweep',
  'eval',
  'predict',
  'search',
  'serve',
  'attention',
  'dashboard',
  'data',
  'build-dataset',
  'convert',
  'split',
  'devices',
  'reference',
  'gradcheck',
] as const;

export type CommandName = (typeof commandNames)[number];

/** Commands of the repository that use this package and are not part of it. */
type DeveloperCommand =
  | 'browser'
  | 'notebook'
  | 'packages'
  | 'release'
  | 'runtimes'
  | 'software-adapter'
  | 'torchsuite';

/** Whether the sources run, as in the repository: there, npm starts the commands. Otherwise the package is installed. */
export const isSource = import.meta.url.endsWith('.ts');

/** The ending of the files that run: `ts` for sources. */
export const extension = isSource ? 'ts' : 'js';

/** What to type to run a command, as it is called here: `npm run NAME -- ARGUMENTS` or `npx tessera NAME ARGUMENTS`. */
export function callOf(name: CommandName | DeveloperCommand, args = ''): string {
  if (isSource) return args === '' ? `npm run ${name}` : `npm run ${name} -- ${args}`;
  return args === '' ? `npx tessera ${name}` : `npx tessera ${name} ${args}`;
}

/** A call whose standard output is that of the command alone, for pipes: npm writes to it unless it is told not to. */
export const silentCallOf = (name: CommandName, args: string): string =>
  callOf(name, args).replace(/^npm run /, 'npm run --silent ');

/** The folder that paths are relative to. npm runs the scripts of the repository in its root, and says where it was called from. */
export const callerFolder = (isSource ? process.env.INIT_CWD : undefined) ?? process.cwd();

/** Resolves a path relative to the folder that the command was called from. */
export const fromCaller = (path: string): string => resolve(callerFolder, path);

/** A path relative to the folder that the command was called from, if it is inside of it. */
export function toCaller(path: string): string {
  const base = `${callerFolder}/`;
  return path.startsWith(base) ? path.slice(base.length) : path;
}
