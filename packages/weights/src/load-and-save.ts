/** Loading a model with its weights, and saving weights in the layout of another library. */
import { promises as fs } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { errorMessage, exists, writeFileAtomic } from '@tessera/data/io';
import type { Module } from '@tessera/nn';
import { classMetadata, multiLabelMetadata, storedClassNames, storedMultiLabel } from './formats/class-names.ts';
import type { FolderFacts, ModelHints, WeightNames } from './formats/format.ts';
import {
  configFileNames,
  descriptionOf,
  type ModelFromWeights,
  modelFromWeights,
  weightsOf,
} from './formats/model-weights.ts';
import { readWeightFile } from './read-weight-file.ts';
import type { TensorFile } from './safetensors/parse-tensors.ts';
import { tensorToWrite } from './safetensors/tensor-files.ts';
import { indexName } from './shards/shard-index.ts';
import { writeSharded } from './shards/write-shards.ts';
import type { WeightFileOptions } from './torch/torch-file.ts';

/** The usual names of the weight file in a folder, or of the index of several, the most likely first. */
export const usualWeightNames: readonly string[] = [
  ...['model.safetensors', 'open_clip_model.safetensors', 'pytorch_model.bin', 'open_clip_pytorch_model.bin'],
].flatMap((name) => [name, indexName(name)]);

/** The key of the file's metadata under which `saveWeights` stores what shapes do not tell. */
const descriptionKey = 'tessera_model';

export interface LoadWeightsOptions extends Pick<ModelHints, 'activation'>, WeightFileOptions {
  /** The library whose tensor names the file uses. Default: recognized by the names. */
  readonly names?: WeightNames;
}

export interface LoadedWeights extends ModelFromWeights {
  /** The file from which the weights were read. */
  readonly path: string;
}

/**
 * Loads a model with its weights: CLIP from OpenAI, OpenCLIP or Hugging Face, Vision Transformers and DeiT from timm, ResNets from
 * torchvision or timm, and files of `saveWeights`. f16 and bf16 become f32.
 *
 * @param path a safetensors file, a PyTorch file (`.pt`, `.pth`, `.bin`), the index of several or one of them, or a folder that contains
 *   one of these under its usual name. A config.json (Hugging Face) or open_clip_config.json in the same folder is read, too.
 * @throws if the file is damaged, if its format is unknown, or if names are missing or unexpected; the message contains the path
 */
export async function loadWeights(path: string, options: LoadWeightsOptions = {}): Promise<LoadedWeights> {
  const { key } = options;
  return modelFromFile(await readWeightFile(await findWeights(path), key === undefined ? {} : { key }), options);
}

/** Builds the model for the tensors of an opened file, and loads them; see `loadWeights`. */
export async function modelFromFile(file: TensorFile, options: LoadWeightsOptions = {}): Promise<LoadedWeights> {
  const { names, activation } = options;
  const configFiles = await readConfigFiles(dirname(file.path));
  try {
    const found = modelFromWeights({
      state: file.select((name) => name),
      choices: file.choices,
      configFiles,
      ...readDescription(file),
      ...(names === undefined ? {} : { names }),
      ...(activation === undefined ? {} : { activation }),
    });
    return {
      ...found,
      notes: [...file.notes, ...found.notes],
      classNames: storedClassNames(file.metadata) ?? found.classNames,
      multiLabel: storedMultiLabel(file.metadata) || found.multiLabel,
      path: file.path,
    };
  } catch (cause) {
    throw new Error(`${file.path}: ${errorMessage(cause)}`, { cause });
  }
}

async function findWeights(path: string): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null) throw new Error(`${path}: there is no such file`);
  if (!stat.isDirectory()) return path;
  for (const name of usualWeightNames) if (await exists(join(path, name))) return join(path, name);
  throw new Error(`${path}: contains no weights (looked for ${usualWeightNames.join(', ')})`);
}

async function readConfigFiles(folder: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of configFileNames) {
    const path = join(folder, name);
    if (!(await exists(path))) continue;
    try {
      found[name] = JSON.parse(await fs.readFile(path, 'utf8'));
    } catch (cause) {
      throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
    }
  }
  return found;
}

function readDescription({ path, metadata }: TensorFile): Pick<ModelHints, 'description'> {
  const text = metadata[descriptionKey];
  if (text === undefined) return {};
  try {
    return { description: JSON.parse(text) };
  } catch (cause) {
    throw new Error(`${path}: its metadata is damaged: ${descriptionKey} is not JSON`, { cause });
  }
}

/** transformers requires the key `format` in a safetensors file. */
const metadataOf = (description: object): Record<string, string> => ({
  format: 'pt',
  [descriptionKey]: JSON.stringify(description),
});

/** The metadata of a file with the model's own state. If `loadWeights` supports the model, it builds the same model from the file. */
export function weightMetadata(model: Module): Record<string, string> {
  const description = descriptionOf(model);
  return description === null ? { format: 'pt' } : metadataOf(description);
}

export interface SavedWeights {
  readonly names: WeightNames;
  /** Paths of the files written. */
  readonly files: readonly string[];
}

/** The size of the tensors in a file of a folder, in bytes: the default of Hugging Face's libraries. */
const usualShardSize = 5e9;

export interface SaveWeightsOptions extends Partial<FolderFacts> {
  /** The library whose names to write. Default: the names of Tessera's modules. */
  readonly names?: WeightNames;
  /**
   * The size of the tensors in a file, in bytes: a larger model becomes several files and their index, as Hugging Face's libraries read
   * them. Default: 5e9 for a folder; a single file has no limit.
   */
  readonly maxShardSize?: number;
}

/**
 * Writes a model's weights as safetensors in f32. Existing files are replaced when all new ones are complete.
 *
 * @param path a file ending in `.safetensors`, or a folder for the weights and their configuration files, which `from_pretrained`
 *   (hugging-face), `open_clip.create_model('local-dir:FOLDER')` (open-clip) and `timm.create_model('local-dir:FOLDER', pretrained=True)`
 *   read
 * @throws if the model cannot be stored under these names, or if a value is infinite or NaN
 */
export async function saveWeights(
  model: Module,
  path: string,
  {
    names,
    maxShardSize,
    classNames = null,
    multiLabel = false,
    preprocessing = null,
    ownTokenizer = false,
  }: SaveWeightsOptions = {},
): Promise<SavedWeights> {
  const stored = weightsOf(model, names, { classNames, multiLabel, preprocessing, ownTokenizer });
  const metadata = {
    ...metadataOf(stored.description),
    ...(classNames === null ? {} : classMetadata(classNames)),
    ...multiLabelMetadata(multiLabel),
  };
  const write = (file: string, limit: number): Promise<string[]> => {
    const tensors = [...stored.state].map(([name, tensor]) => tensorToWrite(file, name, tensor));
    return writeSharded(file, tensors, metadata, limit);
  };
  if (extname(path) !== '') {
    if (extname(path) !== '.safetensors')
      throw new Error(
        `${path}: weights are written as safetensors; choose a file name ending in .safetensors, or a folder`,
      );
    return { names: stored.names, files: await write(path, maxShardSize ?? Number.POSITIVE_INFINITY) };
  }
  await fs.mkdir(path, { recursive: true });
  const name = stored.names === 'open-clip' ? 'open_clip_model.safetensors' : 'model.safetensors';
  const files = await write(join(path, name), maxShardSize ?? usualShardSize);
  for (const { name: own, content } of stored.configFiles) {
    await writeFileAtomic(join(path, own), [`${JSON.stringify(content, null, 2)}\n`]);
    files.push(join(path, own));
  }
  return { names: stored.names, files };
}
