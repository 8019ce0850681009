/** Check cases of BasicBlock, BottleneckBlock and ResNet. */
import { type CheckCase, layerCase, normal } from '@tessera/nn/cases';
import { BasicBlock, BottleneckBlock, ResNet, resnetBlockKinds } from './resnet.ts';

const block = (name: string, stride: number, inplanes: number): CheckCase => ({
  name,
  config: { inplanes, planes: 3, stride },
  inputs: { x: normal([2, inplanes, 5, 6]) },
});

export default [
  layerCase({
    name: 'BasicBlock',
    build: (c) => new BasicBlock(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
    torch: 'resnet.basic',
    cases: [block('resnet-basic-identity-f64', 1, 3), block('resnet-basic-s2-f64', 2, 4)],
  }),
  layerCase({
    name: 'BottleneckBlock',
    build: (c) => new BottleneckBlock(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
    torch: 'resnet.bottleneck',
    cases: [block('resnet-bottleneck-identity-f64', 1, 12), block('resnet-bottleneck-s2-f64', 2, 4)],
  }),
  layerCase({
    name: 'ResNet',
    build: (c) =>
      new ResNet({
        block: c.choice('block', resnetBlockKinds),
        layers: c.four('layers'),
        width: c.number('width', 64),
        classes: c.number('num_classes', 1000),
      }),
    wholeModel: true,
    torch: 'resnet.ResNet',
    cases: [
      {
        name: 'resnet-basic-train-f64',
        config: { block: 'basic', layers: [1, 2, 1, 1], width: 1, num_classes: 4 },
        inputs: { image: normal([2, 3, 40, 33]) },
        // The batch statistics of the last stage, over few values, change too fast for differences.
        only: 'torch',
      },
      {
        name: 'resnet-bottleneck-eval-f64',
        config: { block: 'bottleneck', layers: [1, 1, 1, 1], width: 1, num_classes: 4 },
        inputs: { image: normal([1, 3, 40, 33]) },
        mode: 'eval',
      },
    ],
  }),
];
