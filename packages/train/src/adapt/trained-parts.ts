/** Which parameters of a run are trained: all, all but frozen ones, or adapters in place of the weights. */
import { addLora, listNames, loraPairs, type Module } from '@tessera/nn';
import type { LoraSettings } from '../config/lora.ts';
import type { RunConfig } from '../config/schema.ts';
import type { AnyTaskModel, Say } from '../tasks/task.ts';

/** The part of a configuration that some tasks have. */
interface Initialize {
  readonly checkpoint?: string | null;
  readonly tower?: 'train' | 'freeze';
  readonly parts?: 'image' | 'all';
}

const initializeOf = (config: RunConfig): Initialize =>
  (config as { readonly initialize?: Initialize }).initialize ?? {};

/** The weights that a run starts from; null: random ones. */
export const baseOf = (config: RunConfig): string | null => initializeOf(config).checkpoint ?? null;

/** @throws Error where the settings do not go together; the message names them */
export function checkTrainedParts(config: RunConfig): void {
  const { lora, training } = config;
  if (lora === null) return;
  if (training.freeze.length > 0)
    throw new Error(
      `training.freeze is set, and lora, which freezes all weights: remove training.freeze, or choose the adapted weights with lora.targets`,
    );
  if (initializeOf(config).tower === 'freeze')
    throw new Error(
      'initialize.tower is freeze, and lora freezes all weights: set initialize.tower=train, and choose the adapted weights with lora.targets',
    );
}

/**
 * Adds the adapters to a model, or freezes parts of it, as the configuration says.
 *
 * @throws Error for a pattern that matches nothing; the message lists what there is
 */
export function chooseTrainedParts(subject: AnyTaskModel, config: RunConfig, say: Say): void {
  const { model } = subject;
  const { lora, training } = config;
  if (lora !== null) {
    const adapted = inSetting('lora', () => addLora(model, { ...loraOptions(lora), ...trainableOf(subject, lora) }));
    const random = randomBase(config);
    if (random !== null) say(`lora: ${random}`);
    say(`lora: adapters of rank ${lora.rank} on ${adapted.length} weights: ${listNames(adapted)}`);
  } else if (training.freeze.length > 0) inSetting('training.freeze', () => model.freeze(...training.freeze));
  else return;
  say(describeTrained(model));
}

/** What a user should know where frozen weights are random; null where they are not. */
function randomBase(config: RunConfig): string | null {
  const { checkpoint = null, parts } = initializeOf(config);
  if (checkpoint === null)
    return 'the model does not start from trained weights (initialize.checkpoint), so the weights that the adapters adapt are random';
  if (parts !== 'image' || config.lora?.trainable !== null) return null;
  return (
    'initialize.parts is image, so the text tower is random, and only its adapters are trained: ' +
    'set initialize.parts=all, or name what else is trained in lora.trainable'
  );
}

/** An error of `body` begins with the setting that led to it. */
function inSetting<T>(setting: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw new Error(`${setting}: ${(cause as Error).message.replace(/^addLora: /, '')}`, { cause });
  }
}

const loraOptions = ({ rank, alpha, rankStabilized, dropout, targets }: LoraSettings) => ({
  ...{ rank, alpha, rankStabilized, dropout },
  ...(targets === null ? {} : { targets }),
});

/** What is trained besides the adapters: what the settings name, or the head that follows the image tower. */
function trainableOf({ model, image }: AnyTaskModel, { trainable }: LoraSettings): { readonly trainable: string[] } {
  if (trainable !== null) return { trainable };
  const head = new Set(image?.head?.parameters() ?? []);
  return { trainable: model.namedParameters().flatMap(([name, parameter]) => (head.has(parameter) ? [name] : [])) };
}

/** The parameters that are trained, in words. */
function describeTrained(model: Module): string {
  const trained = model.parameterCount({ trainableOnly: true });
  const share = ((100 * trained) / model.parameterCount()).toPrecision(2);
  return `${trained.toLocaleString('en')} of ${model.parameterCount().toLocaleString('en')} parameters are trained (${share} %)`;
}

/** The numbers of parameters for the report, where they are not those of the model as its task built it. */
export function trainedFacts(model: Module, { lora, training }: RunConfig): Readonly<Record<string, string | number>> {
  if (lora === null && training.freeze.length === 0) return {};
  return {
    'Trained parameters': model.parameterCount({ trainableOnly: true }),
    ...(lora === null ? {} : { Adapters: `rank ${lora.rank}, ${loraPairs(model.stateDict()).length} weights` }),
  };
}
