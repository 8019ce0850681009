/** Reading of reference cases: a folder with case.json and tensors.safetensors. */
import { promises as fs } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type Tensor, type TypedArray, tensor } from '@tessera/tensor';
import { parseSafetensors, type SafetensorsTensor } from '@tessera/tensor/safetensors';

/** The description of a training run in a case of kind trajectory. */
export interface TrajectorySpec {
  readonly steps: number;
  readonly optimizer: {
    readonly name: string;
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly no_decay?: string;
  };
  readonly schedule: string;
  readonly batch: string;
  readonly clip_grad_norm?: number;
  readonly logit_scale_clamp?: readonly (number | string)[];
}

/** One folder with `case.json` and `tensors.safetensors`. */
export interface ReferenceCase {
  /** The folder, below the directory that was searched. */
  readonly name: string;
  readonly directory: string;
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly mode: 'train' | 'eval';
  readonly dtype: 'f32' | 'f64';
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Null for a single forward and backward pass. */
  readonly trajectory: TrajectorySpec | null;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * The folders with a `case.json` below the given directories, sorted.
 *
 * @throws Error if a directory does not exist or has no case below it
 */
export async function findCases(directories: readonly string[]): Promise<{ name: string; directory: string }[]> {
  const found: { name: string; directory: string }[] = [];
  for (const root of directories) {
    const stat = await fs.stat(root).catch(() => null);
    if (stat === null || !stat.isDirectory()) throw new Error(`reference: ${root} is not a directory`);
    const entries = await fs.readdir(root, { recursive: true, withFileTypes: true });
    const folders = entries
      .filter((entry) => entry.isFile() && entry.name === 'case.json')
      .map((entry) => entry.parentPath)
      .sort();
    if (folders.length === 0) throw new Error(`reference: no case.json below ${root}`);
    found.push(...folders.map((directory) => ({ name: relative(root, directory) || basename(directory), directory })));
  }
  return found;
}

/** Reads a case. Error messages name the file and what is wrong in it. */
export async function readCase(directory: string, name: string = basename(directory)): Promise<ReferenceCase> {
  const file = join(directory, 'case.json');
  const fault = (problem: string): never => {
    throw new Error(`${file}: ${problem}`);
  };
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(await fs.readFile(file, 'utf8'));
  } catch (cause) {
    fault((cause as Error).message);
  }
  const choice = <T extends string>(key: string, ...options: readonly T[]): T =>
    options.find((option) => option === json[key]) ??
    fault(`'${key}' must be one of ${options.join(', ')}, got ${JSON.stringify(json[key])}`);
  const names = (key: string): string[] => {
    const value = json[key];
    return Array.isArray(value) && value.every((item) => typeof item === 'string')
      ? value
      : fault(`'${key}' must be a list of names`);
  };
  const trajectory = json.kind === 'trajectory';
  if (json.kind !== undefined && !trajectory)
    fault(`'kind' can only be "trajectory", got ${JSON.stringify(json.kind)}`);
  if (typeof json.module !== 'string') fault("'module' must be a name");
  if (typeof json.config !== 'object' || json.config === null) fault("'config' must be an object");
  return {
    name,
    directory,
    module: json.module as string,
    config: json.config as Record<string, unknown>,
    mode: choice('mode', 'train', 'eval'),
    dtype: choice('dtype', 'f32', 'f64'),
    inputs: trajectory && json.inputs === undefined ? ['image', 'text'] : names('inputs'),
    outputs: trajectory ? [] : names('outputs'),
    trajectory: trajectory ? readTrajectory(json, fault) : null,
    tensors: await readTensors(join(directory, 'tensors.safetensors')),
  };
}

function readTrajectory(json: Record<string, unknown>, fault: (problem: string) => never): TrajectorySpec {
  const { steps, optimizer, schedule, batch } = json;
  const { name, lr, betas, eps, weight_decay } = (optimizer ?? {}) as Record<string, unknown>;
  const numbers = [steps, lr, eps, weight_decay, ...(Array.isArray(betas) ? betas : [undefined])];
  if (numbers.some((value) => typeof value !== 'number') || typeof name !== 'string')
    fault('a trajectory needs steps, and an optimizer with name, lr, betas, eps and weight_decay');
  if (typeof schedule !== 'string' || typeof batch !== 'string') fault("a trajectory needs 'schedule' and 'batch'");
  return json as unknown as TrajectorySpec;
}

async function readTensors(file: string): Promise<ReadonlyMap<string, SafetensorsTensor>> {
  const bytes = await fs.readFile(file).catch((cause) => {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  });
  try {
    return parseSafetensors(bytes).tensors;
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The entries whose keys begin with `prefix`, named by the rest of their keys. */
export function entriesBelow(reference: ReferenceCase, prefix: string): [name: string, value: SafetensorsTensor][] {
  return [...reference.tensors].flatMap(([key, value]): [string, SafetensorsTensor][] =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
  );
}

/** The entry with that key. @throws Error if it does not exist */
export function entry(reference: ReferenceCase, key: string): SafetensorsTensor {
  const value = reference.tensors.get(key);
  if (value === undefined) throw new Error(`${reference.directory}: tensors.safetensors has no '${key}'`);
  return value;
}

const readable = new Set(['F64', 'F32', 'I32', 'U8', 'BOOL']);

/** A stored tensor on the default backend. */
export function toTensor(key: string, { dtype, shape, data }: SafetensorsTensor): Tensor {
  if (!readable.has(dtype))
    throw new Error(`reference: '${key}' has dtype ${dtype}; F64, F32, I32, U8 and BOOL can be read`);
  return tensor(data as TypedArray, dtype === 'BOOL' ? { shape, dtype: 'bool' } : { shape });
}
