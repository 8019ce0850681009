/** Folders that `save_to_disk` of Hugging Face `datasets` or this package wrote: Arrow files, listed in state.json. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { openArrow } from '../format/arrow.ts';
import type { OpenShard } from '../format/shard.ts';
import { errorCode, errorMessage, exists } from '../io/file-system.ts';
import { openFile } from '../store/file.ts';
import { checkSameFeatures } from './same-features.ts';

/** The description of a dataset (dataset_info.json). */
export interface DatasetInfo {
  description: string;
  citation: string;
  homepage: string;
  license: string;
}

/** The splits' names and folders; null where a folder was not saved in this layout. */
export async function savedSplits(root: string): Promise<Record<string, string> | null> {
  const dictionary = path.join(root, 'dataset_dict.json');
  if (await exists(dictionary)) {
    const { splits } = await readJson(dictionary);
    if (!Array.isArray(splits)) throw new Error(`${dictionary}: expected {"splits": [names]}`);
    return Object.fromEntries(splits.map((name) => [splitName(name, dictionary), path.join(root, String(name))]));
  }
  const state = path.join(root, 'state.json');
  if (await exists(state)) {
    const { _split: name } = await readJson(state);
    return { [typeof name === 'string' ? splitName(name, state) : 'train']: root };
  }
  return null;
}

/** Checks a split's name, which is used in paths. @throws for a name that could lead out of the dataset's folder */
function splitName(name: unknown, source: string): string {
  if (typeof name === 'string' && /^\w[\w.-]*$/.test(name)) return name;
  throw new Error(
    `${source}: ${JSON.stringify(name)} cannot be the name of a split; use letters, digits, '_', '.' and '-'`,
  );
}

/** Opens the files of a saved split. */
export async function openSaved(folder: string): Promise<{ shards: OpenShard[]; info: DatasetInfo }> {
  const statePath = path.join(folder, 'state.json');
  const state = await readJson(statePath);
  if (state._indices_data_files) {
    throw new Error(`${statePath}: index mappings are not supported; call flatten_indices() before save_to_disk`);
  }
  const files = Array.isArray(state._data_files) ? state._data_files : [];
  if (files.length === 0) throw new Error(`${statePath}: lists no data files`);
  const info = await readDescription(folder);
  const shards: OpenShard[] = [];
  try {
    for (const file of files) {
      const filename = typeof file === 'object' && file !== null && 'filename' in file ? file.filename : file;
      shards.push(await openArrow(openFile(path.join(folder, String(filename))), info.features));
    }
    checkSameFeatures(shards);
    return { shards, info: readInfo(info) };
  } catch (error) {
    for (const shard of shards) shard.close();
    throw error;
  }
}

/** What dataset_info.json in a folder says; nothing if it is not there. @throws if it is not a JSON object */
export async function readDescription(folder: string): Promise<Record<string, unknown>> {
  const file = path.join(folder, 'dataset_info.json');
  return (await exists(file)) ? readJson(file) : {};
}

export function readInfo(json: Record<string, unknown>): DatasetInfo {
  const text = (key: string): string => (typeof json[key] === 'string' ? json[key] : '');
  return {
    description: text('description'),
    citation: text('citation'),
    homepage: text('homepage'),
    license: text('license'),
  };
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await fsp.readFile(file, 'utf8');
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    throw new Error(`${file}: ${missing ? 'is missing' : errorMessage(error)}. Build or copy the dataset again.`);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch {
    // The error below says more than the parser's.
  }
  throw new Error(
    `${file}: is corrupt: its ${text.length} characters are not a JSON object. Build or copy the dataset again.`,
  );
}
