/** The files that the server sends to the page, and their description. */
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { openDataset, type Split } from '@tessera/data';
import { loadRun } from '@tessera/train';
import type { DataMaterial, Material, RunMaterial } from '../shared/material.ts';

/** The description for the page, and the file of each address in it. */
export interface ServedMaterial {
  readonly material: Material;
  readonly files: ReadonlyMap<string, string>;
}

export interface MaterialSources {
  /** The folder of the dataset that the page trains on. */
  readonly training: string;
  /** A trained run with the folder of its dataset; null: the page has no search. */
  readonly run: { readonly folder: string; readonly data: string } | null;
}

/**
 * Describes the data to serve.
 *
 * @throws if a folder does not contain a dataset with images, or a finished run of CLIP; the message names the folder
 */
export async function describeMaterial({ training, run }: MaterialSources): Promise<ServedMaterial> {
  const files = new Map<string, string>();
  const material: Material = {
    training: await describeData(training, 'training', files),
    run: run === null ? null : await describeRun(run.folder, run.data, files),
  };
  if (material.training.label === null)
    throw new Error(`${training}: has no column with class labels; the page trains a classifier and needs one`);
  return { material, files };
}

async function describeData(folder: string, address: string, files: Map<string, string>): Promise<DataMaterial> {
  using dataset = await openDataset(folder);
  const splits = Object.values(dataset.splits);
  if (splits.some(({ place }) => !place.saved))
    throw new Error(
      `${folder}: the page reads Arrow folders only; make one with npm run build-dataset -- ${folder} --out DIR`,
    );
  const columns = Object.entries(splits[0]?.features ?? {});
  const image = columns.find(([, feature]) => feature.type === 'image')?.[0];
  if (image === undefined) throw new Error(`${folder}: has no column with images`);
  const captions = ['captions', 'caption', 'text'].find((name) => columns.some(([column]) => column === name)) ?? null;
  const [label] = columns.flatMap(([column, feature]) =>
    feature.type === 'class' ? [{ column, classNames: feature.names }] : [],
  );
  const described = splits.map(async (split) => {
    const urls: string[] = [];
    for (const path of await arrowFiles(split)) {
      const url = `/${address}/${split.name}/${basename(path)}`;
      files.set(url, path);
      urls.push(url);
    }
    return { name: split.name, rows: split.length, urls };
  });
  return { name: basename(folder), splits: await Promise.all(described), image, captions, label: label ?? null };
}

/** The files of a split in the order of their rows, from its state.json. */
async function arrowFiles({ path, name }: Split): Promise<string[]> {
  const folder = (await fs.stat(join(path, name)).catch(() => null))?.isDirectory() ? join(path, name) : path;
  const state = JSON.parse(await fs.readFile(join(folder, 'state.json'), 'utf8')) as {
    readonly _data_files: readonly { readonly filename: string }[];
  };
  return state._data_files.map(({ filename }) => join(folder, filename));
}

async function describeRun(folder: string, data: string, files: Map<string, string>): Promise<RunMaterial> {
  const { task, subject } = await loadRun(folder);
  if (subject.text === undefined)
    throw new Error(
      `${folder}: is a run of the task ${task.name}; searching by text needs a model that understands texts`,
    );
  const file = async (name: string): Promise<string> => {
    const path = join(folder, name);
    if (!(await fs.stat(path).catch(() => null))?.isFile())
      throw new Error(
        `${path}: there is no such file; a run writes it at its end (npm run train -- --resume ${folder})`,
      );
    files.set(`/run/${name}`, path);
    return `/run/${name}`;
  };
  return {
    name: basename(folder),
    config: await file('config.yaml'),
    tokenizer: await file('tokenizer.json'),
    model: await file('model.safetensors'),
    data: await describeData(data, 'gallery', files),
  };
}
