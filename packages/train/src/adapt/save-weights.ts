/** The weights of a finished run, as it saves them. */
import { loraPairs, type Module, mergedStateDict } from '@tessera/nn';
import { type AdapterFiles, adapterFiles, saveAdapters, weightMetadata, writeTensors } from '@tessera/weights';
import type { LoraSettings } from '../config/lora.ts';
import type { RunConfig } from '../config/schema.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';
import type { Say } from '../tasks/task.ts';
import { baseOf } from './trained-parts.ts';

/**
 * Writes the weights as the configuration says: all to model.safetensors, with adapters added to the weights that they adapt, or only the
 * adapters to the folder `adapters`.
 *
 * @param metadata of model.safetensors, besides what describes the model
 */
export async function saveTrainedWeights(
  folder: RunFolder,
  model: Module,
  config: RunConfig,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const { lora } = config;
  const save = lora?.save ?? 'merged';
  switch (save) {
    case 'merged': {
      const state = model.stateDict();
      await writeTensors(folder.model, lora === null ? state : mergedStateDict(state, lora), {
        ...weightMetadata(model),
        ...metadata,
      });
      return;
    }
    case 'adapters':
      await saveAdapters(folder.adapters, filesOf(model, lora as LoraSettings, config));
      return;
    default:
      save satisfies never;
  }
}

/** Says what of the adapters peft can read. @throws Error where they cannot be saved as adapters: before the run, not at its end */
export function checkSavedWeights(model: Module, config: RunConfig, say: Say): void {
  const { lora } = config;
  if (lora === null || lora.save !== 'adapters') return;
  try {
    const { notLoaded } = filesOf(model, lora, config);
    if (notLoaded.length > 0)
      say(
        `lora.save: peft does not load ${notLoaded.join(', ')} from the adapters: not all parameters of the module are trained`,
      );
  } catch (cause) {
    throw new Error(`lora.save is adapters, but ${(cause as Error).message}`, { cause });
  }
}

function filesOf(model: Module, lora: LoraSettings, config: RunConfig): AdapterFiles {
  const pairs = loraPairs(model.stateDict());
  const trained = model.namedParameters().filter(([name, { requiresGrad }]) => requiresGrad && !isAdapter(name));
  const { rank, alpha, dropout, rankStabilized } = lora;
  const settings = { rank, alpha: alpha ?? rank, dropout, rankStabilized, base: baseOf(config) };
  return adapterFiles(model, pairs, new Map(trained), settings);
}

const isAdapter = (name: string): boolean => /(^|\.)parametrizations\.[^.]+\.lora_[AB]$/.test(name);
