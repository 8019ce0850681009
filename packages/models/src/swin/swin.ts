/** Swin Transformer. */
import {
  type ActivationName,
  DropPath,
  functional as F,
  LayerNorm,
  type Linear,
  Module,
  Parameter,
  sizesOf,
} from '@tessera/nn';
import { concat, type Tensor, tensor, where } from '@tessera/tensor';
import { Attention, type AttentionOptions } from '../blocks/attention.ts';
import { smallNormal, startedLinear } from '../blocks/initialize.ts';
import { Mlp } from '../blocks/mlp.ts';
import { PatchEmbed } from '../blocks/patch-embed.ts';
import { type Grid, gridOf } from '../tower/grid.ts';
import type { ImageTower } from '../tower/image-tower.ts';
import type { GroupMatcher } from '../tower/parameter-layers.ts';
import { relativePositionIndex, roll, shiftMask, type Window, windowPartition, windowReverse } from './windows.ts';

/**
 * Attention within windows, with a trained bias for each offset between two tokens and each head (Liu et al. 2021, equation 4):
 * softmax(q k^T / sqrt(d) + B) v. `relative_position_bias_table` is [(2h - 1) (2w - 1), heads].
 */
export class WindowAttention extends Attention {
  readonly window: Window;
  readonly relative_position_bias_table: Parameter;
  readonly #index: Int32Array;

  constructor(width: number, window: Window, heads: number, options: AttentionOptions = {}) {
    super(width, heads, options);
    const [h, w] = window;
    this.window = window;
    this.relative_position_bias_table = new Parameter(smallNormal([(2 * h - 1) * (2 * w - 1), heads]));
    this.#index = relativePositionIndex(window);
  }

  /** [1, heads, h w, h w] */
  relativePositionBias(): Tensor {
    const tokens = this.window[0] * this.window[1];
    const bias = this.relative_position_bias_table.transpose(0, 1).indexSelect(1, tensor(this.#index));
    return bias.reshape([1, this.numHeads, tokens, tokens]);
  }

  /**
   * @param windows [N * windows, h w, width]
   * @param visible bool [windows, 1, h w, h w], true where a query may see a key
   */
  attendWindows(windows: Tensor, visible: Tensor | null): Tensor {
    const bias = this.relativePositionBias();
    if (visible === null) return this.forward(windows, { mask: bias });
    const [kinds, , tokens] = sizesOf(visible, 4, 'WindowAttention', 'a mask [windows, 1, h w, h w]');
    const [count] = sizesOf(windows, 3, 'WindowAttention', 'windows [N * windows, h w, width]');
    // Each image has the same mask: [1, windows, heads, L, L] for all images.
    const shape = [count / kinds, kinds, this.numHeads, tokens, tokens];
    const mask = where(visible, bias, Number.NEGATIVE_INFINITY).unsqueeze(0).expand(shape);
    return this.forward(windows, { mask: mask.flatten(0, 1) });
  }
}

interface BlockOptions extends AttentionOptions {
  readonly mlpRatio: number;
  readonly dropPath: number;
  readonly activation?: ActivationName;
}

/** A block of Swin: attention in windows, shifted by half a window in every second block, then an MLP. [N, H, W, C]. */
export class SwinBlock extends Module {
  readonly window: Window;
  readonly shift: Window;
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly drop_path1: DropPath;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly drop_path2: DropPath;

  constructor(width: number, heads: number, window: Window, shift: Window, options: BlockOptions) {
    super();
    this.window = window;
    this.shift = shift;
    this.norm1 = new LayerNorm(width);
    this.attn = new WindowAttention(width, window, heads, options);
    this.drop_path1 = new DropPath(options.dropPath);
    this.norm2 = new LayerNorm(width);
    this.mlp = new Mlp(width, Math.trunc(width * options.mlpRatio), options);
    this.drop_path2 = new DropPath(options.dropPath);
  }

  forward(x: Tensor): Tensor {
    const attended = x.add(this.drop_path1.forward(this.#attend(this.norm1.forward(x))));
    return attended.add(this.drop_path2.forward(this.mlp.forward(this.norm2.forward(attended))));
  }

  /** The map is padded with zeros at the bottom and on the right to whole windows; the results there are cut off. */
  #attend(x: Tensor): Tensor {
    const [, height, width] = sizesOf(x, 4, 'SwinBlock', 'a map [N, H, W, C]');
    const [h, w] = this.window;
    const padded: Grid = [Math.ceil(height / h) * h, Math.ceil(width / w) * w];
    // A map of one window is not shifted.
    const shift: Window = [padded[0] > h ? this.shift[0] : 0, padded[1] > w ? this.shift[1] : 0];
    const filled = x.pad([
      [0, 0],
      [0, padded[0] - height],
      [0, padded[1] - width],
      [0, 0],
    ]);
    const rolled = roll(roll(filled, -shift[0], 1), -shift[1], 2);
    const windows = windowPartition(rolled, this.window);
    const attended = this.attn.attendWindows(windows, shiftMask(padded, this.window, shift));
    const map = windowReverse(attended, this.window, padded);
    return roll(roll(map, shift[0], 1), shift[1], 2)
      .slice(1, 0, height)
      .slice(2, 0, width);
  }
}

/**
 * Merges four neighboring tokens to one of twice the width (Liu et al. 2021, section 3.1): [N, H, W, C] to [N, H / 2, W / 2, 2C]. A
 * map with an odd side is padded with zeros.
 */
export class PatchMerging extends Module {
  readonly norm: LayerNorm;
  readonly reduction: Linear;

  constructor(width: number) {
    super();
    this.norm = new LayerNorm(4 * width);
    this.reduction = startedLinear(4 * width, 2 * width, { bias: false });
  }

  forward(x: Tensor): Tensor {
    const [n, height, width, c] = sizesOf(x, 4, 'PatchMerging', 'a map [N, H, W, C]');
    const even = x.pad([
      [0, 0],
      [0, height % 2],
      [0, width % 2],
      [0, 0],
    ]);
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const quads = even.reshape([n, rows, 2, columns, 2, c]);
    // In the order of the weights: down first, then across.
    const merged = [0, 1].flatMap((across) => [0, 1].map((down) => quads.select(4, across).select(2, down)));
    return this.reduction.forward(this.norm.forward(concat(merged, 3)));
  }
}

/** The blocks of one resolution, after a merging of patches in all stages but the first. */
export class SwinStage extends Module {
  readonly downsample: PatchMerging | null;
  readonly blocks: readonly SwinBlock[];

  constructor(downsample: PatchMerging | null, blocks: readonly SwinBlock[]) {
    super();
    this.downsample = downsample;
    this.blocks = blocks;
  }

  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, block) => block.forward(y), this.downsample?.forward(x) ?? x);
  }
}

/** timm's head: `fc`, applied to the mean of all tokens. */
class ClassifierHead extends Module {
  readonly fc: Linear;

  constructor(width: number, classes: number) {
    super();
    this.fc = startedLinear(width, classes);
  }

  forward(features: Tensor): Tensor {
    return this.fc.forward(features);
  }
}

/** The number of heads in each stage: a head is 32 wide (Liu et al. 2021, section 3.3). */
export const defaultSwinHeads = (config: {
  readonly width: number;
  readonly layers: readonly number[];
  readonly heads?: readonly number[] | undefined;
}): readonly number[] =>
  config.heads ?? config.layers.map((_, stage) => Math.max(1, Math.floor((config.width * 2 ** stage) / 32)));

export interface SwinOptions {
  /** The size that the windows are made for; images of other sizes work too. */
  readonly imageSize: F.Pair;
  readonly patchSize?: F.Pair;
  /** Of the first stage; each later stage has twice the width. */
  readonly width: number;
  /** Blocks in each stage. */
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  /** Side of a window, in tokens. If a stage's map is smaller, its windows are as large as the map. */
  readonly window?: number;
  /** 0: no head; `forward` then returns the features. */
  readonly classes?: number;
  readonly inChannels?: number;
  readonly mlpRatio?: number;
  /** Default `gelu`. */
  readonly activation?: ActivationName;
  readonly dropout?: number;
  readonly attentionDropout?: number;
  readonly dropPath?: number;
}

/**
 * Swin Transformer (Liu et al. 2021): attention in windows that shift from block to block, over maps that halve from stage to stage,
 * with timm's names: `layers.0.blocks.0.attn.qkv`, `layers.1.downsample.reduction`, `norm`, `head.fc`.
 */
export class Swin extends Module implements ImageTower {
  readonly inputResolution: number;
  readonly outputDim: number;
  readonly patch_embed: PatchEmbed;
  readonly layers: readonly SwinStage[];
  readonly norm: LayerNorm;
  readonly head: ClassifierHead | null;

  constructor(options: SwinOptions) {
    super();
    const { width, depths, heads, window = 7, classes = 0, inChannels = 3, patchSize = 4 } = options;
    if (depths.length !== heads.length || depths.length === 0)
      throw new RangeError(
        `Swin: depths and heads need one number for each stage, got ${depths.length} depths and ${heads.length} heads`,
      );
    const imageSize = F.pair(options.imageSize);
    const { mlpRatio = 4, dropout = 0, attentionDropout = 0, dropPath = 0.1, activation = 'gelu' } = options;
    const total = depths.reduce((sum, depth) => sum + depth, 0);
    let [rows, columns] = gridOf('Swin', imageSize, patchSize);
    let done = 0;
    const stages: SwinStage[] = [];
    for (const [stage, depth] of depths.entries()) {
      const headCount = heads[stage] ?? 1;
      const own = width * 2 ** stage;
      const merging = stage === 0 ? null : new PatchMerging(own / 2);
      if (stage > 0) [rows, columns] = [Math.ceil(rows / 2), Math.ceil(columns / 2)];
      const size: Window = [Math.min(window, rows), Math.min(window, columns)];
      const half: Window = [rows > window ? Math.floor(window / 2) : 0, columns > window ? Math.floor(window / 2) : 0];
      const blocks = Array.from({ length: depth }, (_, k) => {
        const rate = total === 1 ? dropPath : (dropPath * (done + k)) / (total - 1);
        const given = { mlpRatio, activation, dropout, attentionDropout, dropPath: rate };
        return new SwinBlock(own, headCount, size, k % 2 === 0 ? [0, 0] : half, given);
      });
      stages.push(new SwinStage(merging, blocks));
      done += depth;
    }
    const last = width * 2 ** (depths.length - 1);
    this.inputResolution = imageSize[0];
    this.outputDim = classes > 0 ? classes : last;
    this.patch_embed = new PatchEmbed(width, patchSize, { inChannels, norm: true });
    this.layers = stages;
    this.norm = new LayerNorm(last);
    this.head = classes > 0 ? new ClassifierHead(last, classes) : null;
  }

  /** The merging of patches belongs to the first block of its stage. */
  groupMatcher(): GroupMatcher {
    return {
      stem: /^patch_embed\b/,
      blocks: [/^layers\.(\d+)\.downsample\b/, /^layers\.(\d+)\.blocks\.(\d+)/],
      end: /^norm\b/,
    };
  }

  /** [N, C, H, W] to logits [N, classes], or features [N, width of the last stage]. H and W: multiples of the patch's sides. */
  forward(images: Tensor): Tensor {
    const { tokens, grid } = this.patch_embed.embed(images);
    const last = this.layers.reduce((x, stage) => stage.forward(x), tokens.unflatten(1, grid));
    const pooled = this.norm.forward(last).mean([1, 2]);
    return this.head === null ? pooled : this.head.forward(pooled);
  }

  /** The map after each stage, [N, H_s, W_s, C_s], the finest first. */
  features(images: Tensor): Tensor[] {
    const { tokens, grid } = this.patch_embed.embed(images);
    const maps: Tensor[] = [];
    for (const stage of this.layers) maps.push(stage.forward(maps.at(-1) ?? tokens.unflatten(1, grid)));
    return maps;
  }
}

/** Liu et al. 2021, section 3.3. */
export const swinPresets = {
  'Swin-T': { imageSize: 224, width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], dropPath: 0.2, classes: 1000 },
  'Swin-S': { imageSize: 224, width: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24], dropPath: 0.3, classes: 1000 },
  'Swin-B': { imageSize: 224, width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32], dropPath: 0.5, classes: 1000 },
  'swin-tiny-64': {
    imageSize: 64,
    patchSize: 4,
    width: 48,
    depths: [2, 2, 2],
    heads: [2, 4, 8],
    window: 4,
    classes: 10,
  },
} as const satisfies Record<string, SwinOptions>;

export type SwinPresetName = keyof typeof swinPresets;
