/** Low-rank adapters as files that Hugging Face's peft reads: `PeftModel.from_pretrained(model, folder)`. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { Linear, type LoraPair, type Module, MultiheadAttention, type StateDict } from '@tessera/nn';
import { type Tensor, zeros } from '@tessera/tensor';
import { huggingFaceTable } from '../formats/model-weights.ts';
import { type NameTable, theirNames, toTheirNames } from '../formats/names.ts';
import { writeTensors } from '../safetensors/tensor-files.ts';
import { adapterFileNames, tensorPrefix } from './peft-format.ts';

/** The settings of adapters, in peft's terms. */
export interface AdapterSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rankStabilized: boolean;
  /** The weights that are adapted, for `base_model_name_or_path`; null: not known. */
  readonly base: string | null;
}

/** The contents of `adapter_model.safetensors` and `adapter_config.json`. */
export interface AdapterFiles {
  /** The library whose names the modules have. */
  readonly names: 'hugging-face' | 'tessera';
  readonly state: Map<string, Tensor>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Trained parameters in the file that peft does not load, because they are not all the parameters of a module. */
  readonly notLoaded: readonly string[];
}

const parent = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));

/**
 * Adapters in peft's layout. CLIP with Vision Transformers has the names of Hugging Face's `CLIPModel`; other models have those of
 * Tessera's modules, which are OpenCLIP's, timm's and torchvision's.
 *
 * Hugging Face has separate projections to queries, keys and values: each gets a copy of A, and its rows of B. peft adapts
 * `nn.MultiheadAttention` as a whole: a projection without an adapter gets one of zeros.
 *
 * @param model without or with the adapters
 * @param trained further parameters that were trained, by their names in the model without adapters
 * @throws Error for an adapted weight that is neither of a linear layer nor the packed projection of attention
 */
export function adapterFiles(
  model: Module,
  pairs: readonly LoraPair[],
  trained: StateDict,
  settings: AdapterSettings,
): AdapterFiles {
  const modules = new Map(model.namedModules());
  for (const { path } of pairs)
    if (!(modules.get(parent(path)) instanceof Linear || path.endsWith('in_proj_weight')))
      throw new Error(
        `${path} is not the weight of a linear layer, and peft has no adapter for it: leave it out of the targets, or save the merged weights`,
      );
  const table = huggingFaceTable(model);
  const adapters = table === null ? ownAdapters(modules, pairs) : huggingFaceAdapters(pairs, table);
  const others = table === null ? trained : toTheirNames(trained, table);
  const saved = modulesOf(model, trained);
  const state = new Map([
    ...adapters.flatMap(({ key, a, b }): [string, Tensor][] => [
      [`${tensorPrefix}${key}.lora_A.weight`, a],
      [`${tensorPrefix}${key}.lora_B.weight`, b],
    ]),
    ...[...others].map(([name, tensor]): [string, Tensor] => [tensorPrefix + name, tensor]),
  ]);
  const theirs = (names: readonly string[]): string[] =>
    table === null ? [...names] : names.flatMap((name) => theirNames(name, table));
  const wholeModules = [...new Set(theirs(saved.whole).map(parent))];
  return {
    names: table === null ? 'tessera' : 'hugging-face',
    state,
    config: {
      peft_type: 'LORA',
      task_type: null,
      base_model_name_or_path: settings.base,
      r: settings.rank,
      lora_alpha: settings.alpha,
      lora_dropout: settings.dropout,
      use_rslora: settings.rankStabilized,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      target_modules: [...new Set(adapters.map(({ target }) => target))],
      modules_to_save: wholeModules.length === 0 ? null : wholeModules,
    },
    notLoaded: saved.parts,
  };
}

/** An adapter under the names of a library. */
interface NamedAdapter {
  /** The beginning of the names of its tensors. */
  readonly key: string;
  /** The module that peft adapts. */
  readonly target: string;
  readonly a: Tensor;
  readonly b: Tensor;
}

const huggingFaceAdapters = (pairs: readonly LoraPair[], table: NameTable): NamedAdapter[] =>
  pairs.flatMap(({ path, a, b }) =>
    [...toTheirNames(new Map([[path, b]]), table)].map(([name, rows]) => ({
      key: parent(name),
      target: parent(name),
      a,
      b: rows,
    })),
  );

function ownAdapters(modules: ReadonlyMap<string, Module>, pairs: readonly LoraPair[]): NamedAdapter[] {
  const own = new Map(pairs.map((pair) => [pair.path, pair]));
  const isAttention = (path: string): boolean => modules.get(path) instanceof MultiheadAttention;
  const attention = new Set(
    pairs.flatMap(({ path }) => [parent(path), parent(parent(path))].filter((owner) => isAttention(owner))),
  );
  const ofAttention = [...attention].flatMap((owner) => {
    const { embedDim } = modules.get(owner) as MultiheadAttention;
    const given = [own.get(`${owner}.in_proj_weight`), own.get(`${owner}.out_proj.weight`)];
    const rank = given.find((pair) => pair !== undefined)?.a.shape[0] ?? 0;
    return [
      { key: owner, outputs: 3 * embedDim },
      { key: `${owner}.base_layer.out_proj`, outputs: embedDim },
    ].map(
      ({ key, outputs }, k): NamedAdapter => ({
        key,
        target: owner,
        a: given[k]?.a ?? zeros([rank, embedDim]),
        b: given[k]?.b ?? zeros([outputs, rank]),
      }),
    );
  });
  const others = pairs
    .filter(({ path }) => !attention.has(parent(path)) && !attention.has(parent(parent(path))))
    .map(({ path, a, b }): NamedAdapter => ({ key: parent(path), target: parent(path), a, b }));
  return [...ofAttention, ...others];
}

/** Trained parameters, divided into those of modules that are trained as a whole, and others. */
function modulesOf(model: Module, trained: StateDict): { readonly whole: string[]; readonly parts: string[] } {
  const all = model.namedParameters().map(([name]) => name);
  const isWhole = (name: string): boolean =>
    parent(name) !== '' &&
    all.filter((other) => other.startsWith(`${parent(name)}.`)).every((other) => trained.has(other));
  const names = [...trained.keys()];
  return { whole: names.filter(isWhole), parts: names.filter((name) => !isWhole(name)) };
}

/** Writes adapters to a folder as `adapter_model.safetensors` and `adapter_config.json`, each atomically. Returns their paths. */
export async function saveAdapters(folder: string, { state, config }: AdapterFiles): Promise<string[]> {
  await fs.mkdir(folder, { recursive: true });
  const [weights, settings] = [join(folder, adapterFileNames.weights), join(folder, adapterFileNames.config)];
  await writeTensors(weights, state, { format: 'pt' });
  await writeFileAtomic(settings, [`${JSON.stringify(config, null, 2)}\n`]);
  return [weights, settings];
}
