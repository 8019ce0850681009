/** CLIP's ResNet. */
import { AvgPool2d, BatchNorm2d, Conv2d, init, Module, ReLU, Sequential } from '@tessera/nn';
import { formatShape, type Tensor } from '@tessera/tensor';
import type { AttendedImages, AttentiveTower } from '../tower/attended-images.ts';
import { requireSquareImages } from '../tower/image-tower.ts';
import type { GroupMatcher } from '../tower/parameter-layers.ts';
import { AttentionPool2d } from './attention-pool.ts';
import { Bottleneck } from './bottleneck.ts';

/** The number of heads of the attention pool: a head is 64 wide, the pool 32 * width. */
export const defaultPoolHeads = ({
  width,
  heads,
}: {
  readonly width: number;
  readonly heads?: number | undefined;
}): number => heads ?? Math.max(1, (32 * width) / 64);

/**
 * CLIP's ResNet (Radford et al. 2021, section 2.4): a stem of three convolutions and an average pool, average pools for every
 * reduction, and attention pooling at the end.
 */
export class ModifiedResNet extends Module implements AttentiveTower {
  readonly inputResolution: number;
  readonly outputDim: number;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu1 = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly relu2 = new ReLU();
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly relu3 = new ReLU();
  readonly avgpool = new AvgPool2d(2);
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly attnpool: AttentionPool2d;

  /**
   * @param layers Bottlenecks in each of the four stages
   * @param heads of the attention pool
   * @param inputResolution side of the images, a multiple of 32
   * @param width channels after the stem
   */
  constructor(layers: readonly number[], outputDim: number, heads: number, inputResolution = 224, width = 64) {
    super();
    const [first, second, third, fourth, ...others] = layers;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined || others.length > 0)
      throw new RangeError(`ModifiedResNet: needs the depths of 4 stages, got ${formatShape(layers)}`);
    if (inputResolution % 32 !== 0 || inputResolution <= 0)
      throw new RangeError(`ModifiedResNet: the image size must be a multiple of 32, got ${inputResolution}`);
    if (width % 2 !== 0) throw new RangeError(`ModifiedResNet: the width must be even, got ${width}`);
    this.inputResolution = inputResolution;
    this.outputDim = outputDim;
    this.conv1 = new Conv2d(3, width / 2, 3, { stride: 2, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width / 2);
    this.conv2 = new Conv2d(width / 2, width / 2, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width / 2);
    this.conv3 = new Conv2d(width / 2, width, 3, { padding: 1, bias: false });
    this.bn3 = new BatchNorm2d(width);
    let inplanes = width;
    const stage = (planes: number, blocks: number, stride: number): Sequential => {
      const modules = Array.from({ length: blocks }, (_, index) => {
        const block = new Bottleneck(inplanes, planes, index === 0 ? stride : 1);
        inplanes = planes * Bottleneck.expansion;
        return block;
      });
      // Each residual branch starts at zero: the block starts as its shortcut.
      for (const { bn3 } of modules) bn3.weight?.initialize(init.constant(0));
      return new Sequential(...modules);
    };
    this.layer1 = stage(width, first, 1);
    this.layer2 = stage(width * 2, second, 2);
    this.layer3 = stage(width * 4, third, 2);
    this.layer4 = stage(width * 8, fourth, 2);
    this.attnpool = new AttentionPool2d(inputResolution / 32, width * 32, heads, outputDim);
    this.attnpool.initialize();
  }

  groupMatcher(): GroupMatcher {
    return { stem: /^(conv|bn)\d\b/, blocks: [/^layer(\d+)\.(\d+)/] };
  }

  /** [N, 3, R, R] to [N, outputDim] */
  forward(images: Tensor): Tensor {
    return this.attend(images).output;
  }

  /** Like `forward`, but returns the attention pool's weights too: one layer with one query, the mean over all places. */
  attend(images: Tensor): AttendedImages {
    const side = this.inputResolution / 32;
    const { output, weights } = this.attnpool.attend(this.features(images));
    return { output, weights: [weights], prefix: 1, grid: [side, side], readout: [0, 1] };
  }

  /** The features before the attention pool: [N, 3, R, R] to [N, 32 width, R / 32, R / 32]. */
  features(images: Tensor): Tensor {
    const { inputResolution: side } = this;
    requireSquareImages('ModifiedResNet', images, side);
    let x = this.relu1.forward(this.bn1.forward(this.conv1.forward(images))); // [N, width / 2, R / 2, R / 2]
    x = this.relu2.forward(this.bn2.forward(this.conv2.forward(x)));
    x = this.relu3.forward(this.bn3.forward(this.conv3.forward(x)));
    x = this.avgpool.forward(x); // [N, width, R / 4, R / 4]
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) x = stage.forward(x);
    return x;
  }
}
