/** The sizes of a ResNet of torchvision or timm. */
import type { ResNetOptions } from '@tessera/models';
import type { StateDict } from '@tessera/nn';
import { Shapes } from './shapes.ts';

/** The options of the model whose tensors have these shapes. @param imageSize side of the images that it is meant for, in pixels */
export function resnetOptions(state: StateDict, imageSize: number): Required<Omit<ResNetOptions, 'zeroInitResidual'>> {
  const shapes = new Shapes(state);
  const depth = (stage: number): number => shapes.count(`layer${stage}`);
  return {
    block: shapes.has('layer1.0.conv3.weight') ? 'bottleneck' : 'basic',
    layers: [depth(1), depth(2), depth(3), depth(4)],
    width: shapes.size('conv1.weight', 0, 4),
    classes: shapes.has('fc.weight') ? shapes.size('fc.weight', 0, 2) : 0,
    imageSize,
  };
}
