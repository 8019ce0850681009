import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { openDataset, type Split } from '@tessera/data';
import { loadRun } from '@tessera/train';
import type { DataMaterial, Material, RunMaterial } from '../shared/material.ts';

/** What is served: a description for the page, and the file behind each address in it. */
export interface ServedMaterial {
  readonly material: Material;
  readonly files: ReadonlyMap<string, string>;
}

export interface MaterialSources {
  /** Folder of the data set that the page trains on. */
  readonly training: string;
  /** A trained run with the folder of its data set; null: nothing to search with. */
  readonly run: { readonly folder: string; readonly data: string } | null;
}

/** @throws where a folder holds no data set with pictures, or no finished run of CLIP; the message names it */
export async function describeMaterial({ training, run }: MaterialSources): Promise<ServedMaterial> {
  const files = new Map<string, string>();
  const material: Material = {
    training: await describeData(training, 'training', files),
    run: run === null ? null : await describeRun(run.folder, run.data, files),
  };
  if (material.training.label === null)
    throw new Error(`${training}: no column holds class labels, so there is no classifier to train in the page`);
  return { material, files };
}

async function describeData(folder: string, address: string, files: Map<string, string>): Promise<DataMaterial> {
  using dataset = await openDataset(folder);
  const splits = Object.values(dataset.splits);
  const columns = Object.entries(splits[0]?.features ?? {});
  const image = columns.find(([, feature]) => feature.type === 'image')?.[0];
  if (image === undefined) throw new Error(`${folder}: no column holds pictures`);
  const captions = ['captions', 'caption', 'text'].find((name) => columns.some(([column]) => column === name)) ?? null;
  const [label] = columns.flatMap(([column, feature]) =>
    feature.type === 'class' ? [{ column, classNames: feature.names }] : [],
  );
  const described = splits.map(async (split) => {
    const paths = await arrowFiles(split);
    const urls = paths.map((path) => `/${address}/${split.name}/${basename(path)}`);
    for (const [k, path] of paths.entries()) files.set(urls[k] as string, path);
    return { name: split.name, rows: split.length, urls };
  });
  return { name: basename(folder), splits: await Promise.all(described), image, captions, label: label ?? null };
}

/** The files of a split in the order of its rows, as its state.json lists them. */
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
        `${path}: there is no such file; a run has it when it has finished (npm run train -- --resume ${folder})`,
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
