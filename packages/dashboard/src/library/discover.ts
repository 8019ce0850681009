/** Finds runs and sweeps below a folder. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { errorCode, exists } from '@tessera/data/io';

/** Folders below the folder of all runs that are searched: of a sweep, of its run, of a model that the run trains first. */
const deepest = 3;

/** Folders of a run's own files. */
const ownFolders: ReadonlySet<string> = new Set(['checkpoints', 'samples', 'adapters']);

/** The folders of runs and sweeps by their paths relative to the folder of all runs: '.' is that folder itself. */
export interface Found {
  readonly runs: ReadonlyMap<string, string>;
  readonly sweeps: ReadonlyMap<string, string>;
}

/** Searches a folder. Links to folders are followed. @throws where the folder cannot be read */
export async function discover(root: string): Promise<Found> {
  const runs = new Map<string, string>();
  const sweeps = new Map<string, string>();
  const visit = async (folder: string, id: string, depth: number): Promise<void> => {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      // Another process may remove a folder in the meantime, or keep it to itself.
      if (depth > 0 && ['ENOENT', 'EACCES', 'ENOTDIR'].includes(errorCode(error) ?? '')) return [];
      throw error;
    });
    const names = new Set(entries.map(({ name }) => name));
    if (names.has('config.yaml')) runs.set(id, folder);
    if (names.has('sweep.json') && (await exists(join(folder, 'results.json')))) sweeps.set(id, folder);
    if (depth === deepest) return;
    const folders = entries.filter(
      (entry) =>
        (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.') && !ownFolders.has(entry.name),
    );
    await Promise.all(
      folders.map(({ name }) => visit(join(folder, name), id === '.' ? name : `${id}/${name}`, depth + 1)),
    );
  };
  await visit(root, '.', 0);
  return { runs, sweeps };
}
