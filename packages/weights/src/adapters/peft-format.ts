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

const unsupported = 'such adapters are not supported';

/** Reads adapter_config.json. @throws Error for kinds of adapters that compute something else than W + s B A */
export function readPeftConfig(json: unknown): PeftConfig {
  const config = new JsonReader(json, 'adapter_config.json');
  config.require('peft_type', 'LORA', unsupported);
  if (!config.has('peft_type')) throw new Error('adapter_config.json has no peft_type, so it is not of peft');
  for (const key of ['use_dora', 'fan_in_fan_out', 'lora_bias']) config.require(key, false, unsupported);
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
