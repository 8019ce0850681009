/** Finds check cases by the names of their files. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { LayerCase } from './layer-case.ts';

/**
 * The cases of one file: its default export, one case or a list.
 *
 * @throws Error if the file has no such export
 */
export async function readCaseFile(file: string): Promise<readonly LayerCase[]> {
  const { default: exported } = (await import(pathToFileURL(file).href)) as { default?: unknown };
  const cases = (Array.isArray(exported) ? exported : [exported]) as readonly Partial<LayerCase>[];
  const wrong = cases.find((entry) => typeof entry?.name !== 'string' || typeof entry.build !== 'function');
  if (wrong !== undefined || cases.length === 0 || exported === undefined)
    throw new Error(`${file}: the default export must be a layerCase({ name, build, ... }), or a list of them`);
  return cases as readonly LayerCase[];
}

/** The cases of all files NAME.case.ts (NAME.case.js in a built package) below a folder, sorted by path. */
export async function findLayerCases(folder: URL): Promise<readonly LayerCase[]> {
  const root = fileURLToPath(folder);
  const files = (await fs.readdir(root, { recursive: true })).filter((file) => /\.case\.[jt]s$/.test(file)).sort();
  return (await Promise.all(files.map((file) => readCaseFile(join(root, file))))).flat();
}
