/** Looking up npm packages that are not dependencies. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** An installed package. */
export interface InstalledPackage {
  readonly version: string;
  load(): unknown;
}

/** The package that `require(name)` finds in `folder`; null if it is not installed. */
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

/** The version of a package. Its package.json may be hidden from `require`, so it is searched in the folders above the main file. */
function versionAround(file: string, name: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) continue;
    const { name: found, version } = JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string };
    if (found === name && version !== undefined) return version;
  }
  return 'unknown';
}

/** The folders in which packages of peers are looked up: TESSERA_PEERS, the folder in which npm was called, the current folder. */
export function peerFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const folders = [env.TESSERA_PEERS, env.INIT_CWD, process.cwd()];
  return [...new Set(folders.filter((folder): folder is string => folder !== undefined && folder !== ''))];
}
