/** The convolutional encoder and decoder around a codebook. */
import { Conv2d, functional as F, Module, sizesOf } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/** x + conv1x1(relu(conv3x3(relu(x)))) (van den Oord et al. 2017, section 4.1). [N, C, H, W] to the same. */
class ResidualUnit extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;

  constructor(channels: number) {
    super();
    this.conv1 = new Conv2d(channels, channels, 3, { padding: 1 });
    this.conv2 = new Conv2d(channels, channels, 1);
  }

  forward(x: Tensor): Tensor {
    return x.add(this.conv2.forward(F.relu(this.conv1.forward(F.relu(x)))));
  }
}

/** Every pixel twice in each direction: [N, C, H, W] to [N, C, 2H, 2W]. */
function doubled(x: Tensor): Tensor {
  const [n, c, h, w] = sizesOf(x, 4, 'ConvDecoder', 'images [N, C, H, W]');
  return x
    .reshape(n, c, h, 1, w, 1)
    .expand(n, c, h, 2, w, 2)
    .reshape(n, c, 2 * h, 2 * w);
}

/** The channels at each resolution: half of `width` at the finest, level 0, and `width` at all coarser ones. */
const channelsAt = (width: number, level: number): number => (level === 0 ? Math.max(1, Math.floor(width / 2)) : width);

export interface AutoencoderOptions {
  /** Channels of the coarsest resolution. */
  readonly width: number;
  /** The number of times that the resolution is halved. */
  readonly halvings: number;
  /** Residual units at the coarsest resolution. */
  readonly blocks: number;
  /** Channels of the latent image. */
  readonly latentWidth: number;
}

/** Images [N, 3, R, R] to latent images [N, latentWidth, R / 2^halvings, R / 2^halvings]: strided convolutions, then residual units. */
export class ConvEncoder extends Module {
  readonly down: readonly Conv2d[];
  readonly blocks: readonly ResidualUnit[];
  readonly conv_out: Conv2d;

  constructor({ width, halvings, blocks, latentWidth }: AutoencoderOptions) {
    super();
    const channels = (level: number): number => (level < 0 ? 3 : channelsAt(width, level));
    this.down = Array.from(
      { length: halvings },
      (_, level) => new Conv2d(channels(level - 1), channels(level), 4, { stride: 2, padding: 1 }),
    );
    const last = channels(halvings - 1);
    this.blocks = Array.from({ length: blocks }, () => new ResidualUnit(last));
    this.conv_out = new Conv2d(last, latentWidth, 1);
  }

  forward(images: Tensor): Tensor {
    const coarse = this.down.reduce((x, conv) => F.relu(conv.forward(x)), images);
    const refined = this.blocks.reduce((x, block) => block.forward(x), coarse);
    return this.conv_out.forward(F.relu(refined));
  }
}

/**
 * Latent images [N, latentWidth, r, r] to images [N, 3, 2^halvings r, 2^halvings r]: the encoder in reverse. Pixels are doubled and then
 * convolved, which avoids the checkerboard patterns of transposed convolutions (Odena et al. 2016).
 */
export class ConvDecoder extends Module {
  readonly conv_in: Conv2d;
  readonly blocks: readonly ResidualUnit[];
  readonly up: readonly Conv2d[];
  readonly conv_out: Conv2d;

  constructor({ width, halvings, blocks, latentWidth }: AutoencoderOptions) {
    super();
    const last = channelsAt(width, halvings - 1);
    this.conv_in = new Conv2d(latentWidth, last, 3, { padding: 1 });
    this.blocks = Array.from({ length: blocks }, () => new ResidualUnit(last));
    const levels = Array.from({ length: halvings }, (_, k) => halvings - 1 - k);
    this.up = levels.map(
      (level) => new Conv2d(channelsAt(width, level), channelsAt(width, Math.max(0, level - 1)), 3, { padding: 1 }),
    );
    this.conv_out = new Conv2d(channelsAt(width, 0), 3, 3, { padding: 1 });
  }

  forward(latents: Tensor): Tensor {
    const refined = this.blocks.reduce((x, block) => block.forward(x), this.conv_in.forward(latents));
    const fine = this.up.reduce((x, conv) => F.relu(conv.forward(doubled(x))), F.relu(refined));
    return this.conv_out.forward(fine);
  }
}
