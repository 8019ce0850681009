/** The encoder of a masked autoencoder as the image tower of another model: a plain Vision Transformer whose head is not trained yet. */
import type { Tensor } from '@tessera/tensor';
import type { z } from 'zod';
import type { imageModelSection } from '../../config/sections.ts';
import { type MAEConfig, maeSettings } from './settings.ts';

export interface MaskedEncoder {
  /** Parameters and buffers by their names in a `ViT`. */
  readonly state: Map<string, Tensor>;
  /** How the Vision Transformer is built; null where the file does not specify it. */
  readonly model: z.infer<typeof imageModelSection> | null;
}

/** Tensors of the encoder; all others belong to the decoder. */
const encoderNames = /^(patch_embed\.|cls_token$|pos_embed$|blocks\.|norm\.)/;

/**
 * The encoder within the state of a model. Null if the model is not a masked autoencoder.
 *
 * @param config the configuration of its run; null where the file has none
 */
export function encoderOfMAE(state: ReadonlyMap<string, Tensor>, config: unknown): MaskedEncoder | null {
  if (!state.has('mask_token')) return null;
  const parsed = maeSettings.schema.safeParse(config);
  return {
    state: new Map([...state].filter(([name]) => encoderNames.test(name))),
    model: parsed.success ? towerOf(parsed.data) : null,
  };
}

const towerOf = ({ model: { imageSize, patchSize, width, layers, heads } }: MAEConfig): MaskedEncoder['model'] => ({
  embedDim: width,
  vision: {
    kind: 'plain-vit',
    ...{ imageSize, patchSize, width, layers, heads },
    ...{ norm: 'pre', readout: 'cls', positions: 'sinusoidal-2d', dropPath: 0 },
  },
  activation: 'gelu',
});
