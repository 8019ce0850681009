/** The packages of this repository that are published. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly engines?: { readonly node?: string };
  readonly exports?: Readonly<Record<string, string | { readonly types?: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly repository?: string | { readonly url: string };
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
}

export interface Package {
  /** Its folder, relative to the root of the repository. */
  readonly folder: string;
  readonly manifest: Manifest;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as Manifest;

/** All workspaces, published or not. */
function workspaces(): Package[] {
  const { workspaces: patterns } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    workspaces: string[];
  };
  return globSync(
    patterns.map((pattern) => `${pattern}/package.json`),
    { cwd: repository },
  )
    .map(dirname)
    .toSorted()
    .map((folder) => ({ folder, manifest: readManifest(folder) }));
}

/** The packages, each after those that it depends on. @throws where packages depend on each other */
export function dependencyOrder(packages: readonly Package[]): Package[] {
  const sorted: Package[] = [];
  let left = packages;
  while (left.length > 0) {
    const waiting = new Set(left.map(({ manifest }) => manifest.name));
    const ready = left.filter(
      ({ manifest }) => !Object.keys(manifest.dependencies ?? {}).some((name) => waiting.has(name)),
    );
    if (ready.length === 0) throw new Error(`packages that depend on each other: ${[...waiting].join(', ')}`);
    sorted.push(...ready);
    left = left.filter((item) => !ready.includes(item));
  }
  return sorted;
}

export const publishedPackages = (): Package[] =>
  dependencyOrder(workspaces().filter(({ manifest }) => manifest.private !== true));
