import { BasicBlock, BottleneckBlock, ResNet, type ResNetBlockKind } from '@tessera/models';
import { defineReferenceModule as define, type ReferenceModule } from './reference-module.ts';

/** Plain residual networks, with torchvision's names. */
export const resnetModules: Readonly<Record<string, ReferenceModule>> = {
  BasicBlock: define({
    build: (c) => new BasicBlock(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
  }),
  BottleneckBlock: define({
    build: (c) => new BottleneckBlock(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
  }),
  ResNet: define({
    build: (c) =>
      new ResNet({
        block: c.string('block') as ResNetBlockKind,
        layers: c.numbers('layers') as [number, number, number, number],
        width: c.number('width', 64),
        classes: c.number('num_classes', 1000),
      }),
    wholeModel: true,
  }),
};
