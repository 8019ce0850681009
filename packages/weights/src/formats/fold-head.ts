/** A classifier as one image model: the head of its tower and its own head, two linear layers in a row, become one. */
import { type ImageClassifier, ResNet, ViT } from '@tessera/models';
import { init, type Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { refusalOf, unusualViT } from './refusals.ts';
import { resnetOptions } from './resnet-options.ts';
import { vitDescription, vitOptions } from './vit-options.ts';

/** Weight and bias of the layer that computes second(first(x)). */
function joined(first: { weight: Tensor; bias: Tensor }, second: { weight: Tensor; bias: Tensor }) {
  return {
    weight: second.weight.matmul(first.weight),
    bias: second.weight.matmul(first.bias.unsqueeze(1)).squeeze(1).add(second.bias),
  };
}

/** The name of the layer with the classes in the models of timm and torchvision. */
const headOf = (tower: ViT | ResNet): string => (tower instanceof ViT ? 'head' : 'fc');

/**
 * The Vision Transformer or ResNet with the logits of a classifier. Null if its tower is of another kind, or one that no library has.
 */
export function foldedClassifier({ visual, head }: ImageClassifier): ViT | ResNet | null {
  if (!(visual instanceof ViT || visual instanceof ResNet)) return null;
  if (visual instanceof ViT && refusalOf('', unusualViT(visual)) !== null) return null;
  const name = headOf(visual);
  const state = new Map<string, Tensor>(visual.stateDict());
  const own = head.stateDict() as ReadonlyMap<'weight' | 'bias', Tensor>;
  const second = { weight: own.get('weight') as Tensor, bias: own.get('bias') as Tensor };
  const [weight, bias] = [state.get(`${name}.weight`), state.get(`${name}.bias`)];
  const { weight: joinedWeight, bias: joinedBias } =
    weight === undefined || bias === undefined ? second : joined({ weight, bias }, second);
  state.set(`${name}.weight`, joinedWeight);
  state.set(`${name}.bias`, joinedBias);
  const model: Module = init.skipInit(() => rebuilt(visual, state));
  model.loadStateDict(state);
  return model as ViT | ResNet;
}

function rebuilt(tower: ViT | ResNet, state: ReadonlyMap<string, Tensor>): ViT | ResNet {
  if (tower instanceof ResNet) return new ResNet(resnetOptions(state, tower.inputResolution));
  return new ViT(vitOptions(state, vitDescription(tower)));
}
