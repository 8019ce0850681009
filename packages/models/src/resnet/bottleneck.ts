/** The block of CLIP's ResNet. */
import { AvgPool2d, BatchNorm2d, Conv2d, Identity, Module, ReLU, Sequential, type UnaryModule } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/**
 * CLIP's variant of ResNet's bottleneck block (He et al. 2016): every convolution has stride 1, and an average pool after the second
 * one reduces; the shortcut pools before its 1 x 1 convolution.
 */
export class Bottleneck extends Module {
  /** Output channels are `expansion * planes`. */
  static readonly expansion = 4;

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu1 = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly relu2 = new ReLU();
  readonly avgpool: UnaryModule;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly relu3 = new ReLU();
  readonly downsample: Sequential | null;

  constructor(inplanes: number, planes: number, stride = 1) {
    super();
    const outplanes = planes * Bottleneck.expansion;
    this.conv1 = new Conv2d(inplanes, planes, 1, { bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
    this.avgpool = stride > 1 ? new AvgPool2d(stride) : new Identity();
    this.conv3 = new Conv2d(planes, outplanes, 1, { bias: false });
    this.bn3 = new BatchNorm2d(outplanes);
    this.downsample =
      stride > 1 || inplanes !== outplanes
        ? new Sequential(
            ['-1', new AvgPool2d(stride)],
            ['0', new Conv2d(inplanes, outplanes, 1, { bias: false })],
            ['1', new BatchNorm2d(outplanes)],
          )
        : null;
  }

  /** [N, inplanes, H, W] to [N, 4 * planes, H / stride, W / stride] */
  forward(x: Tensor): Tensor {
    let out = this.relu1.forward(this.bn1.forward(this.conv1.forward(x)));
    out = this.relu2.forward(this.bn2.forward(this.conv2.forward(out)));
    out = this.bn3.forward(this.conv3.forward(this.avgpool.forward(out)));
    return this.relu3.forward(out.add(this.downsample?.forward(x) ?? x));
  }
}
