/** A project of somebody else: an empty folder in which the packages are installed from their tarballs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOrThrow } from './process.ts';
import { type Manifest, type Package, repository } from './published.ts';

/** The tools of the project. Node 24 is that of the repository. */
const tools = {
  '@types/node': '24.19.2',
  esbuild: '0.28.2',
  'typescript-5': 'npm:typescript@5.9.3',
  'typescript-6': 'npm:typescript@6.0.3',
} as const;

/** The versions of Node that are tried; `node-PLATFORM-ARCHITECTURE` are the packages with its binaries. */
const nodeVersions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' } as const;

export type NodeMajor = keyof typeof nodeVersions;

export const nodeMajors = [20, 22, 24] as const satisfies readonly NodeMajor[];

const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

export interface Project {
  readonly folder: string;
  readonly node: (major: NodeMajor) => string;
}

interface Tarball {
  readonly filename: string;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Packs the packages, which must be built. */
async function pack(packages: readonly Package[], target: string): Promise<Tarball[]> {
  const named = packages.flatMap(({ folder }) => ['--workspace', folder]);
  const out = await runOrThrow('npm', ['pack', '--json', '--pack-destination', target, ...named], { cwd: repository });
  const packed: unknown = JSON.parse(out.slice(out.search(/^[[{]/m)));
  return (Array.isArray(packed) ? packed : Object.values(packed as object)) as Tarball[];
}

interface LockEntry extends Partial<Manifest> {
  readonly link?: boolean;
}

/**
 * A lock file with the versions of the repository's own, so that the same ones are installed at any time. The tarballs stand where the
 * repository's has links; npm drops what the project does not need.
 */
function lockFile(manifest: object, packages: readonly Package[], tarballs: readonly Tarball[]): object {
  const own = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  const entries: Record<string, object> = { '': manifest };
  for (const [path, entry] of Object.entries(own.packages)) {
    if (path.startsWith('node_modules/') && entry.link !== true) entries[path] = entry;
    const home = packages.find(({ folder }) => path.startsWith(`${folder}/node_modules/`));
    if (home !== undefined) entries[path.replace(home.folder, `node_modules/${home.manifest.name}`)] = entry;
  }
  for (const { manifest: published } of packages) {
    const tarball = tarballs.find(({ name }) => name === published.name);
    if (tarball === undefined) throw new Error(`npm pack has made no tarball of ${published.name}`);
    const { version, engines, bin, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } =
      published;
    entries[`node_modules/${published.name}`] = {
      ...{ version, engines, bin, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta },
      resolved: `file:tarballs/${tarball.filename}`,
      integrity: tarball.integrity,
    };
  }
  return { name: 'somebodys-project', lockfileVersion: 3, requires: true, packages: entries };
}

/** Makes the project in an empty folder. */
export async function makeProject(folder: string, packages: readonly Package[]): Promise<Project> {
  mkdirSync(join(folder, 'tarballs'));
  const tarballs = await pack(packages, join(folder, 'tarballs'));
  const nodes = Object.entries(nodeVersions).map(([major, version]) => [
    `node-${major}`,
    `npm:${nodePackage}@${version}`,
  ]);
  const { packages: locked } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const manifest = {
    name: 'somebodys-project',
    version: '1.0.0',
    type: 'module',
    dependencies: Object.fromEntries(tarballs.map(({ name, filename }) => [name, `file:tarballs/${filename}`])),
    devDependencies: {
      ...tools,
      vite: locked['node_modules/vite']?.version,
      ...Object.fromEntries(nodes),
    },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockFile(manifest, packages, tarballs), null, 2));
  await runOrThrow('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
    // Without what npm sets for scripts of the repository.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_config_'))),
    timeout: 300_000,
  });
  return {
    folder,
    node: (major) => join(folder, `node_modules/node-${major}/bin/node`),
  };
}
