/** Reads a sweep's file, with the file of settings that it names. */
import { promises as fs } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { readProblem } from '@tessera/data/io';
import { parseSweep, planSweep, type SweepPlan } from '@tessera/train/sweep';
import { fromCaller } from '../call.ts';
import { UsageError } from '../command.ts';

export interface SweepFile {
  readonly name: string;
  /** The folder of the sweep. */
  readonly folder: string;
  readonly plan: SweepPlan;
}

async function readText(path: string, shown: string): Promise<string> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${shown}: ${readProblem(error)}`);
  }
}

/** @param file as the user gave it @param folder replaces the folder that the file names */
export async function readSweepFile(file: string, folder: string | undefined): Promise<SweepFile> {
  const path = fromCaller(file);
  const definition = parseSweep(await readText(path, file), file);
  const name = basename(path, extname(path));
  const { config } = definition;
  const shared =
    config === undefined
      ? null
      : { text: await readText(resolve(dirname(path), config), `${file}: config: ${config}`), path: config };
  const plan = planSweep({ definition, path: file, name, shared });
  return { name, folder: fromCaller(folder ?? definition.folder ?? join('runs', name)), plan };
}
