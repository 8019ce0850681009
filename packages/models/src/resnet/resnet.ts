/** The residual network of torchvision. */
import { BatchNorm2d, Conv2d, init, Linear, MaxPool2d, Module, Sequential } from '@tessera/nn';
import { formatShape, type Tensor } from '@tessera/tensor';
import type { ImageTower } from '../tower/image-tower.ts';
import type { GroupMatcher } from '../tower/parameter-layers.ts';

export interface ResNetOptions {
  /** `basic`: two 3 x 3 convolutions; `bottleneck`: 1 x 1, 3 x 3, 1 x 1, with four times as many channels at the end. */
  readonly block: ResNetBlockKind;
  /** Blocks in each of the four stages. */
  readonly layers: readonly [number, number, number, number];
  /** Channels after the stem. Default 64. */
  readonly width?: number;
  /** 0 (default): no head; `forward` then returns the features. */
  readonly classes?: number;
  /** Side of the images that the model is meant for, in pixels; any other side of at least 32 works too. Default 224. */
  readonly imageSize?: number;
  /** Start every residual branch at zero (Goyal et al. 2017, section 5.1). Default false, as torchvision. */
  readonly zeroInitResidual?: boolean;
}

/** torchvision's networks by name. */
export const resnetPresets = {
  resnet18: { block: 'basic', layers: [2, 2, 2, 2] },
  resnet34: { block: 'basic', layers: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', layers: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', layers: [3, 4, 23, 3] },
  resnet152: { block: 'bottleneck', layers: [3, 8, 36, 3] },
} as const satisfies Record<string, ResNetOptions>;

/** A convolution without bias with the initial weight of He et al. 2015, by fan-out. */
function convolution(inChannels: number, outChannels: number, size: number, stride = 1): Conv2d {
  const conv = init.skipInit(
    () => new Conv2d(inChannels, outChannels, size, { stride, padding: (size - 1) / 2, bias: false }),
  );
  conv.weight.initialize(init.kaimingNormal({ mode: 'fanOut' }));
  return conv;
}

/** The shortcut of a residual block: null for the identity, a convolution if the shape changes. */
const shortcut = (inChannels: number, outChannels: number, stride: number): Sequential | null =>
  stride === 1 && inChannels === outChannels
    ? null
    : new Sequential(convolution(inChannels, outChannels, 1, stride), new BatchNorm2d(outChannels));

interface ResidualBlock extends Module {
  /** The norm at the end of the branch. */
  readonly lastNorm: BatchNorm2d;
  forward(x: Tensor): Tensor;
}

/** relu(x + bn(conv(relu(bn(conv(x)))))) (He et al. 2016, figure 2). [N, C, H, W] to [N, planes, H / stride, W / stride]. */
export class BasicBlock extends Module implements ResidualBlock {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(inplanes: number, planes: number, stride = 1) {
    super();
    this.conv1 = convolution(inplanes, planes, 3, stride);
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = convolution(planes, planes, 3);
    this.bn2 = new BatchNorm2d(planes);
    this.downsample = shortcut(inplanes, planes, stride);
  }

  get lastNorm(): BatchNorm2d {
    return this.bn2;
  }

  forward(x: Tensor): Tensor {
    const out = this.bn2.forward(this.conv2.forward(this.bn1.forward(this.conv1.forward(x)).relu()));
    return out.add(this.downsample?.forward(x) ?? x).relu();
  }
}

/**
 * He et al. 2016, figure 5, with the stride in the 3 x 3 convolution ("v1.5"), as in torchvision and timm. CLIP's is `Bottleneck`.
 * [N, C, H, W] to [N, 4 * planes, H / stride, W / stride].
 */
export class BottleneckBlock extends Module implements ResidualBlock {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(inplanes: number, planes: number, stride = 1) {
    super();
    this.conv1 = convolution(inplanes, planes, 1);
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = convolution(planes, planes, 3, stride);
    this.bn2 = new BatchNorm2d(planes);
    this.conv3 = convolution(planes, 4 * planes, 1);
    this.bn3 = new BatchNorm2d(4 * planes);
    this.downsample = shortcut(inplanes, 4 * planes, stride);
  }

  get lastNorm(): BatchNorm2d {
    return this.bn3;
  }

  forward(x: Tensor): Tensor {
    let out = this.bn1.forward(this.conv1.forward(x)).relu();
    out = this.bn2.forward(this.conv2.forward(out)).relu();
    out = this.bn3.forward(this.conv3.forward(out));
    return out.add(this.downsample?.forward(x) ?? x).relu();
  }
}

const blocks = {
  basic: { Block: BasicBlock, expansion: 1 },
  bottleneck: { Block: BottleneckBlock, expansion: 4 },
} as const;

export type ResNetBlockKind = keyof typeof blocks;

export const resnetBlockKinds = Object.keys(blocks) as readonly ResNetBlockKind[];

/**
 * The plain residual network (He et al. 2016, table 1) with torchvision's names, which are also those of timm's `resnet18` to
 * `resnet152`: a stem of a 7 x 7 convolution and a max pool, four stages, the mean over places, `fc`. CLIP's variant is `ModifiedResNet`.
 */
export class ResNet extends Module implements ImageTower {
  readonly inputResolution: number;
  readonly outputDim: number;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear | null;

  constructor(options: ResNetOptions) {
    super();
    const { block, layers, width = 64, classes = 0, imageSize = 224, zeroInitResidual = false } = options;
    const { Block, expansion } = blocks[block];
    const features = 8 * width * expansion;
    this.inputResolution = imageSize;
    this.outputDim = classes > 0 ? classes : features;
    this.conv1 = init.skipInit(() => new Conv2d(3, width, 7, { stride: 2, padding: 3, bias: false }));
    this.conv1.weight.initialize(init.kaimingNormal({ mode: 'fanOut' }));
    this.bn1 = new BatchNorm2d(width);
    let inplanes = width;
    const stage = (planes: number, depth: number, stride: number): Sequential => {
      const modules = Array.from({ length: depth }, (_, index) => {
        const made: ResidualBlock = new Block(inplanes, planes, index === 0 ? stride : 1);
        inplanes = planes * expansion;
        return made;
      });
      if (zeroInitResidual) for (const { lastNorm } of modules) lastNorm.weight?.initialize(init.constant(0));
      return new Sequential(...modules);
    };
    this.layer1 = stage(width, layers[0], 1);
    this.layer2 = stage(2 * width, layers[1], 2);
    this.layer3 = stage(4 * width, layers[2], 2);
    this.layer4 = stage(8 * width, layers[3], 2);
    this.fc = classes > 0 ? new Linear(features, classes) : null;
  }

  groupMatcher(): GroupMatcher {
    return { stem: /^(conv1|bn1)\b/, blocks: [/^layer(\d+)\.(\d+)/] };
  }

  /** [N, 3, H, W] to logits [N, classes], or without a head to features [N, 8 * width * expansion] */
  forward(images: Tensor): Tensor {
    const pooled = this.features(images).mean([2, 3]);
    return this.fc?.forward(pooled) ?? pooled;
  }

  /** The last stage's output: [N, 3, H, W] to [N, 8 * width * expansion, H / 32, W / 32], rounded up */
  features(images: Tensor): Tensor {
    if (images.ndim !== 4 || images.shape[1] !== 3)
      throw new RangeError(`ResNet: needs images [N, 3, H, W], got ${formatShape(images.shape)}`);
    const stem = this.maxpool.forward(this.bn1.forward(this.conv1.forward(images)).relu());
    return [this.layer1, this.layer2, this.layer3, this.layer4].reduce((x, stage) => stage.forward(x), stem);
  }
}
