/** Adding low-rank adapters, trained here or with Hugging Face's peft, to the weights of a model. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { closestName, type Module } from '@tessera/nn';
import { formatShape, sameShape, type Tensor } from '@tessera/tensor';
import { huggingFaceTable } from '../formats/model-weights.ts';
import { toOurNames, toTheirNames } from '../formats/names.ts';
import { readWeightFile } from '../read-weight-file.ts';
import { adapterFileNames, type PeftConfig, readPeftConfig, tensorPrefix } from './peft-format.ts';

/** What was added to a model. */
export interface AddedAdapters {
  /** The number of weights that an adapter was added to. */
  readonly adapted: number;
  /** The names of parameters that were replaced, as the file has them. */
  readonly replaced: readonly string[];
}

/**
 * Adds s B A of every adapter of a folder to the weight that it adapts, and puts further trained parameters in their place. The folder has
 * `adapter_model.safetensors` and `adapter_config.json`, with the names of Tessera's modules or, for CLIP with Vision Transformers, of
 * Hugging Face's `CLIPModel`. Nothing is changed unless everything fits.
 *
 * @throws Error where the folder has no adapters, their kind is not supported, or they do not fit the model; the message contains the path
 */
export async function addAdapters(model: Module, folder: string): Promise<AddedAdapters> {
  const config = await readConfig(join(folder, adapterFileNames.config));
  const file = await readWeightFile(join(folder, adapterFileNames.weights));
  const given = file.select((name) => (name.startsWith(tensorPrefix) ? name.slice(tensorPrefix.length) : name));
  try {
    const names = [...given.keys()];
    const table = names.some((name) => /^(vision_model|text_model)\./.test(name)) ? huggingFaceTable(model) : null;
    const own = model.stateDict();
    const state = table === null ? new Map(own) : toTheirNames(own, table);
    const added = addTo(state, given, config);
    model.loadStateDict(table === null ? state : toOurNames(state, table));
    return added;
  } catch (cause) {
    throw new Error(`${file.path}: ${(cause as Error).message}`, { cause });
  }
}

async function readConfig(path: string): Promise<PeftConfig> {
  const text = await fs.readFile(path, 'utf8').catch((cause: Error) => {
    throw new Error(`${path}: there is no such file; a folder of adapters contains it`, { cause });
  });
  try {
    return readPeftConfig(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

const adapterTensor = /^(.*)\.lora_([AB])\.weight$/;

/** Changes a state: the adapters' weights, and the parameters that replace others. */
function addTo(state: Map<string, Tensor>, given: ReadonlyMap<string, Tensor>, config: PeftConfig): AddedAdapters {
  let adapted = 0;
  const replaced: string[] = [];
  for (const [name, tensor] of given) {
    const [, module, part] = adapterTensor.exec(name) ?? [];
    if (part === 'B' && given.has(`${module}.lora_A.weight`)) continue;
    if (module === undefined) {
      if (!sameShape(weightIn(state, name, name).shape, tensor.shape))
        throw new Error(
          `${name} is ${formatShape(tensor.shape)}, in the model ${formatShape(state.get(name)?.shape ?? [])}`,
        );
      state.set(name, tensor);
      replaced.push(name);
      continue;
    }
    const b = given.get(`${module}.lora_B.weight`);
    if (part !== 'A' || b === undefined) throw new Error(`the adapter of ${module} has only one of its two matrices`);
    const target = weightName(state, module);
    const weight = weightIn(state, target, module);
    if (!sameShape(weight.shape, [b.shape[0] ?? 0, tensor.shape[1] ?? 0]) || b.shape[1] !== tensor.shape[0])
      throw new Error(
        `the adapter of ${module} is ${formatShape(b.shape)} and ${formatShape(tensor.shape)}, which does not fit ${target} ${formatShape(weight.shape)}`,
      );
    state.set(target, weight.add(b.matmul(tensor).mul(config.scale(module, tensor.shape[0] ?? 0))));
    adapted++;
  }
  if (adapted === 0)
    throw new Error('contains no adapters: expected tensors named *.lora_A.weight and *.lora_B.weight');
  return { adapted, replaced };
}

/** The weight that the adapter of a module belongs to. peft names the packed projection of attention after its module. */
function weightName(state: ReadonlyMap<string, Tensor>, module: string): string {
  const path = module.replaceAll('.base_layer', '');
  return state.has(`${path}.in_proj_weight`) ? `${path}.in_proj_weight` : `${path}.weight`;
}

function weightIn(state: ReadonlyMap<string, Tensor>, name: string, from: string): Tensor {
  const weight = state.get(name);
  if (weight !== undefined) return weight;
  const near = closestName(name, state.keys());
  throw new Error(
    `${from} fits nothing in the model, which has no ${name}${near === undefined ? '' : ` (did it mean ${near}?)`}`,
  );
}
