/** The files of a new project: those of `template/`, and package.json. */
import { promises as fs } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCode } from '@tessera/data/io';
import { UsageError } from '../command.ts';
import { writeExample } from './example.ts';
import type { ProjectTask } from './task.ts';

export interface ProjectOptions {
  readonly task: ProjectTask;
  /** Whether example images are drawn. */
  readonly example: boolean;
  /** Whether the folder may have other files already. Files of the project that are there are an error in any case. */
  readonly force: boolean;
}

/** The same place from the sources and from `dist`. */
const template = fileURLToPath(new URL('../../../template', import.meta.url));

/** Files that cannot have their own names in a package: npm reads them itself. */
const names: ReadonlyMap<string, string> = new Map([['gitignore', '.gitignore']]);

/** What the project calls itself: a name that npm accepts, from that of the folder. */
function nameOf(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[-]+$/g, '');
  return name === '' ? 'vision-project' : name;
}

/** package.json of the project, with the versions that this package has itself. */
async function manifestOf(folder: string): Promise<string> {
  const own = JSON.parse(await fs.readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const packages = ['autograd', 'cli', 'data', 'models', 'nn', 'tensor', 'train', 'weights'];
  const manifest = {
    name: nameOf(folder),
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      train: 'tessera train',
      dashboard: 'tessera dashboard',
      'train:own': 'tsc && node dist/train.js',
      typecheck: 'tsc --noEmit',
    },
    dependencies: Object.fromEntries(packages.map((name) => [`@tessera/${name}`, `^${own.version}`])),
    devDependencies: { '@types/node': '^24.0.0', typescript: '^5.9.0 || ^6.0.0 || ^7.0.0' },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The files below a folder of the template, by their paths in the project. */
async function filesBelow(folder: string): Promise<[path: string, content: string][]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.sort().map(async (file): Promise<[string, string]> => {
      const path = relative(folder, file);
      return [join(dirname(path), names.get(basename(path)) ?? basename(path)), await fs.readFile(file, 'utf8')];
    }),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    if (errorCode(error) === 'ENOTDIR') throw new UsageError(`${folder}: is a file; name a folder`);
    throw error;
  }
}

/** A folder that version control has made counts as empty. */
const ignored: ReadonlySet<string> = new Set(['.git']);

/**
 * Writes a project into a folder. Nothing is written if the folder has files (without `force`), or if one of the project's files is there.
 *
 * @returns the paths that were written, without those of example images, and the number of these
 */
export async function writeProject(
  folder: string,
  { task, example, force }: ProjectOptions,
): Promise<{ readonly files: readonly string[]; readonly images: number }> {
  const present = (await namesIn(folder)).filter((name) => !ignored.has(name));
  if (present.length > 0 && !force)
    throw new UsageError(
      `${folder}: is not empty (${present.slice(0, 3).join(', ')}${present.length > 3 ? ', ...' : ''}); --force adds the project's files to it, and overwrites none`,
    );
  const name = nameOf(folder);
  const parts = await Promise.all([filesBelow(join(template, 'common')), filesBelow(join(template, task))]);
  const files = [
    ['package.json', await manifestOf(folder)] as const,
    ...parts.flat().map(([path, text]) => [path, text.replaceAll('PROJECT', name)] as const),
  ];
  const images = 'data/images';
  const conflicts: string[] = [];
  for (const path of [...files.map(([file]) => file), ...(example ? [images] : [])])
    if ((await fs.stat(join(folder, path)).catch(() => null)) !== null) conflicts.push(path);
  if (conflicts.length > 0)
    throw new UsageError(
      `${folder}: ${conflicts.join(', ')} ${conflicts.length > 1 ? 'are' : 'is'} there already; nothing was written`,
    );
  for (const [path, text] of files) {
    await fs.mkdir(dirname(join(folder, path)), { recursive: true });
    // In the meantime, somebody else may have written the file.
    await fs.writeFile(join(folder, path), text, { flag: 'wx' });
  }
  await fs.mkdir(join(folder, images), { recursive: true });
  return {
    files: files.map(([path]) => path),
    images: example ? await writeExample(join(folder, images), task) : 0,
  };
}
