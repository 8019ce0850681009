/** What both directions share of peft's format of adapters: names of files and tensors, and the settings that count. */
import { loraScale } from '@tessera/nn';
import { JsonReader } from '../formats/json-reader.ts';

export const adapterFileNames = { weights: 'adapter_model.safetensors', config: 'adapter_config.json' } as const;

/** peft's name for the model inside of its wrappers. */
export const tensorPrefix = 'base_model.model.';

/** The settings of a file that decide what its adapters count. */
export interface PeftConfig {
  /** The factor of B A. @param rank of the adapter */
  scale(module: string, rank: number): number;
}

/** Ways to begin with adapters that take a part of the weights: what they belong to is no longer the original model. */
const changesWeights = /^(pissa|olora|corda|loftq|lora_ga)/;

const unsupported = 'such adapters are not supported';

/** Reads adapter_config.json. @throws Error for kinds of adapters that compute something else than W + s B A */
export function readPeftConfig(json: unknown): PeftConfig {
  const config = new JsonReader(json, 'adapter_config.json');
  config.require('peft_type', 'LORA', unsupported);
  if (!config.has('peft_type')) throw new Error('adapter_config.json has no peft_type, so it is not of peft');
  for (const key of ['use_dora', 'use_qalora', 'fan_in_fan_out', 'lora_bias']) config.require(key, false, unsupported);
  for (const key of ['alora_invocation_tokens', 'layer_replication', 'kasa_config', 'velora_config'])
    config.require(key, null, unsupported);
  const initial = (json as { readonly init_lora_weights?: unknown }).init_lora_weights;
  if (typeof initial === 'string' && changesWeights.test(initial))
    throw new Error(
      `adapter_config.json.init_lora_weights is "${initial}", which changes the weights that are adapted too: save with ` +
        "peft's path_initial_model_for_weight_conversion",
    );
  // Ranks and factors of single modules.
  for (const key of ['rank_pattern', 'alpha_pattern']) config.require(key, {}, unsupported);
  const rank = config.count('r', 8);
  const alpha = config.number('lora_alpha', 8);
  const rankStabilized = config.flag('use_rslora');
  return {
    scale(module, given) {
      if (given !== rank)
        throw new Error(`the adapter of ${module} has rank ${given}, adapter_config.json says ${rank}`);
      return loraScale({ rank, alpha, rankStabilized });
    },
  };
}
