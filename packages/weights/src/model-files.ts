import { promises as fs } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { errorMessage, exists, writeFileAtomic } from '@tessera/data/io';
import type { Module } from '@tessera/nn';
import type { ModelHints, WeightNames } from './formats/format.ts';
import {
  configFileNames,
  isKnownModel,
  type ModelFromWeights,
  modelFromWeights,
  weightsOf,
} from './formats/model-weights.ts';
import type { TensorFile } from './safetensors/parse-tensors.ts';
import { writeTensors } from './safetensors/tensor-files.ts';
import { readWeightFile } from './weight-file.ts';

/** How the weights are called in a folder, the likeliest first. */
export const usualWeightNames = [
  'model.safetensors',
  'open_clip_model.safetensors',
  'pytorch_model.bin',
  'open_clip_pytorch_model.bin',
] as const;

/** Where `saveWeights` says in a file's metadata what the shapes do not. */
const descriptionKey = 'tessera_model';

export interface LoadWeightsOptions extends Pick<ModelHints, 'activation'> {
  /** Whose names the tensors have. Default: seen from the names. */
  readonly names?: WeightNames;
  /** In a PyTorch checkpoint: under which key the state_dict lies. Default: the usual ones. */
  readonly key?: string;
}

export interface LoadedWeights extends ModelFromWeights {
  /** The file that the weights came from. */
  readonly path: string;
}

/**
 * Loads a model with its weights: CLIP from OpenAI, OpenCLIP or Hugging Face, Vision Transformers and DeiT from timm, ResNets from
 * torchvision or timm, and what `saveWeights` wrote. f16 and bf16 become f32.
 *
 * @param path a safetensors file, a PyTorch file (`.pt`, `.pth`, `.bin`), or a folder that holds one under its usual name. A
 *   config.json (Hugging Face) or open_clip_config.json beside it is read too.
 * @throws where the file is damaged, no format fits, or names are missing or unexpected; the message names the path
 */
export async function loadWeights(path: string, options: LoadWeightsOptions = {}): Promise<LoadedWeights> {
  const { key } = options;
  return modelFromFile(await readWeightFile(await findWeights(path), key === undefined ? {} : { key }), options);
}

/** The model that an opened file's tensors belong to; see `loadWeights`. */
export async function modelFromFile(file: TensorFile, options: LoadWeightsOptions = {}): Promise<LoadedWeights> {
  const { names, activation } = options;
  const configFiles = await readConfigFiles(dirname(file.path));
  try {
    const found = modelFromWeights({
      state: file.select((name) => name),
      configFiles,
      ...readDescription(file),
      ...(names === undefined ? {} : { names }),
      ...(activation === undefined ? {} : { activation }),
    });
    return { ...found, path: file.path };
  } catch (cause) {
    throw new Error(`${file.path}: ${errorMessage(cause)}`, { cause });
  }
}

async function findWeights(path: string): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null) throw new Error(`${path}: there is no such file`);
  if (!stat.isDirectory()) return path;
  for (const name of usualWeightNames) if (await exists(join(path, name))) return join(path, name);
  throw new Error(`${path}: holds no weights (looked for ${usualWeightNames.join(', ')})`);
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
    throw new Error(`${path}: its metadata are damaged: ${descriptionKey} is not JSON`, { cause });
  }
}

/** `format` is what transformers asks of a safetensors file. */
const metadataOf = (description: object): Record<string, string> => ({
  format: 'pt',
  [descriptionKey]: JSON.stringify(description),
});

/** What a file of the model's own state says beside the tensors, so that `loadWeights` builds the same model where it knows its kind. */
export const weightMetadata = (model: Module): Record<string, string> =>
  isKnownModel(model) ? metadataOf(weightsOf(model).description) : { format: 'pt' };

export interface SavedWeights {
  readonly names: WeightNames;
  /** Paths of the files written. */
  readonly files: readonly string[];
}

/**
 * Writes a model's weights as safetensors in f32, each file whole or not at all.
 *
 * @param path a file ending in `.safetensors`, or a folder: there the weights lie beside their configuration file, as
 *   `CLIPModel.from_pretrained` (hugging-face) and `open_clip.create_model('local-dir:FOLDER')` (open-clip) read them
 * @param names default: those of the modules here
 * @throws where the model cannot be stored under these names, or a value is infinite or NaN
 */
export async function saveWeights(
  model: Module,
  path: string,
  { names }: { readonly names?: WeightNames } = {},
): Promise<SavedWeights> {
  const stored = weightsOf(model, names);
  const metadata = metadataOf(stored.description);
  if (extname(path) !== '') {
    if (extname(path) !== '.safetensors')
      throw new Error(`${path}: weights are written as safetensors: name a file .safetensors, or a folder`);
    await writeTensors(path, stored.state, metadata);
    return { names: stored.names, files: [path] };
  }
  await fs.mkdir(path, { recursive: true });
  const file = join(path, stored.names === 'open-clip' ? 'open_clip_model.safetensors' : 'model.safetensors');
  await writeTensors(file, stored.state, metadata);
  if (stored.configFile === null) return { names: stored.names, files: [file] };
  const config = join(path, stored.configFile.name);
  await writeFileAtomic(config, [`${JSON.stringify(stored.configFile.content, null, 2)}\n`]);
  return { names: stored.names, files: [file, config] };
}
