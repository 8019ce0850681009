/** The CLIP model that a configuration describes. */
import type { CLIPConfig } from '@tessera/models';
import type { ContrastiveConfig } from './settings.ts';

/** Initial temperature and bias of CLIP, and of SigLIP (Zhai et al. 2023, section 3.2). */
const starts = {
  clip: { initialLogitScale: Math.log(1 / 0.07), initialLogitBias: null },
  siglip: { initialLogitScale: Math.log(10), initialLogitBias: -10 },
} satisfies Record<ContrastiveConfig['loss']['kind'], Pick<CLIPConfig, 'initialLogitScale' | 'initialLogitBias'>>;

/** The model that a run's configuration describes, for a tokenizer of `vocabularySize` tokens. */
export function clipConfigOf({ model, loss }: ContrastiveConfig, vocabularySize: number): CLIPConfig {
  const { initialLogitScale, initialLogitBias } = starts[loss.kind];
  return {
    ...model,
    text: { ...model.text, vocabularySize },
    initialLogitScale: loss.initialLogitScale ?? initialLogitScale,
    initialLogitBias: loss.initialLogitBias ?? initialLogitBias,
  };
}
