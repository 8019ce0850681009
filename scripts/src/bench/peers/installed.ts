import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A package found from a folder, as `require` there would find it. */
export interface InstalledPackage {
  readonly version: string;
  load(): unknown;
}

/** The package that code in `folder` would get by `name`; null if there is none. */
export function findPackage(folder: string, name: string): InstalledPackage | null {
  const require = createRequire(join(folder, 'package.json'));
  let file: string;
  try {
    file = require.resolve(name);
  } catch {
    return null;
  }
  return { version: versionAround(file, name), load: () => require(name) };
}

/** A package may hide its package.json from `require`; it lies in one of the folders around its main file. */
function versionAround(file: string, name: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) continue;
    const { name: found, version } = JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string };
    if (found === name && version !== undefined) return version;
  }
  return 'unknown';
}

/** Where packages of peers are looked for: TESSERA_PEERS, the folder npm was called in, the current one. */
export function peerFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const folders = [env.TESSERA_PEERS, env.INIT_CWD, process.cwd()];
  return [...new Set(folders.filter((folder): folder is string => folder !== undefined && folder !== ''))];
}
