/** A training step of a CLIP preset on made-up pairs, for benchmarks in processes of their own. */
import { grad } from '@tessera/autograd';
import { CLIP, type PresetName, presets } from '@tessera/models';
import { contrastiveLoss } from '@tessera/nn';
import { type CompiledFunction, compile, manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, clipGradNorm, noDecay } from '@tessera/train';
import { captions, values } from './values.ts';

export interface PresetModel {
  readonly model: CLIP;
  readonly optimizer: AdamW;
}

export function presetModel(preset: PresetName): PresetModel {
  manualSeed(0);
  const model = new CLIP(presets[preset]);
  return { model, optimizer: new AdamW(model.namedParameters(), { weightDecay: 0.2, groups: [noDecay] }) };
}

/** Images, tokens and a learning rate. */
export type PresetBatch = [images: Tensor, tokens: Tensor, rate: Tensor];

export function presetBatch(preset: PresetName, batch: number): PresetBatch {
  const { vision, text } = presets[preset];
  return [
    tensor(values(batch * 3 * vision.imageSize ** 2, 1), { shape: [batch, 3, vision.imageSize, vision.imageSize] }),
    tensor(captions(batch, text.contextLength, text.vocabularySize), { shape: [batch, text.contextLength] }),
    tensor(5e-4),
  ];
}

/** Forward and backward pass, clipping, AdamW. Returns the loss. */
export const presetStep = ({ model, optimizer }: PresetModel): CompiledFunction<PresetBatch, Tensor> =>
  compile((images: Tensor, tokens: Tensor, rate: Tensor): Tensor => {
    const loss = contrastiveLoss(model.forward(images, tokens));
    optimizer.step(clipGradNorm(grad(loss, optimizer.parameters), 1).gradients, rate);
    model.clampLogitScale();
    return loss;
  });
