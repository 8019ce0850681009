/** A classifier of large images that its encoder sees tile by tile. */
import {
  bestGrid,
  type Grid,
  joinTiles,
  MLPConnector,
  type TilingOptions,
  Transformer,
  tileCount,
  tileImage,
  ViT,
} from '@tessera/models';
import { init, LayerNorm, Linear, Module, Parameter } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';

export interface TiledClassifierOptions extends TilingOptions {
  /** Height and width of the images in pixels. */
  readonly imageSize: readonly [height: number, width: number];
  readonly patchSize: number;
  /** Of the tokens of the encoder and of the reader. */
  readonly width: number;
  /** Blocks of the encoder. */
  readonly layers: number;
  /** Blocks of the reader. */
  readonly readerLayers: number;
  readonly heads: number;
  readonly classes: number;
}

/**
 * An encoder of one size that sees a large image tile by tile and once as a thumbnail, a connector, and a transformer, the reader, over the
 * tokens of all tiles. The tokens of the tiles are in the order of the image, those of the thumbnail follow.
 */
export class TiledClassifier extends Module {
  readonly tiling: TilingOptions;
  /** Tiles of an image, without the thumbnail. */
  readonly grid: Grid;
  readonly visual: ViT;
  readonly connector: MLPConnector;
  readonly class_embedding: Parameter;
  readonly positional_embedding: Parameter;
  readonly transformer: Transformer;
  readonly ln_post: LayerNorm;
  readonly head: Linear;

  constructor(options: TiledClassifierOptions) {
    super();
    const { tileSize, maxTiles, imageSize, patchSize, width, layers, readerLayers, heads, classes } = options;
    this.tiling = { tileSize, maxTiles };
    this.grid = bestGrid(imageSize[1], imageSize[0], this.tiling);
    this.visual = new ViT({ imageSize: tileSize, patchSize, width, depth: layers, heads });
    this.connector = new MLPConnector(width, width);
    const small = init.normal({ std: 0.02 });
    const tokens = tileCount(this.grid) * (tileSize / patchSize) ** 2;
    this.class_embedding = new Parameter(small([1, 1, width]));
    this.positional_embedding = new Parameter(small([1 + tokens, width]));
    this.transformer = new Transformer(width, readerLayers, heads, { activation: 'gelu', batchFirst: true });
    this.ln_post = new LayerNorm(width);
    this.head = new Linear(width, classes);
  }

  /** [N, 3, H, W] to logits [N, classes] */
  forward(images: Tensor): Tensor {
    const [count = 0] = images.shape;
    const tokens = this.connector.forward(this.encode(images));
    const first = this.class_embedding.expand(count, 1, tokens.shape[2] ?? 0);
    const sequence = concat([first, tokens], 1).add(this.positional_embedding);
    return this.head.forward(this.ln_post.forward(this.transformer.forward(sequence).select(1, 0)));
  }

  /** The encoder's tokens of all tiles: [N, 3, H, W] to [N, tokens, width]. */
  encode(images: Tensor): Tensor {
    const [count = 0] = images.shape;
    const cut = Array.from({ length: count }, (_, k) => tileImage(images.select(0, k), this.tiling).tiles);
    const encoded = this.visual.encode(concat(cut, 0));
    const patches = encoded.tokens.slice(1, encoded.prefix);
    const [tiles, all] = [this.grid[0] * this.grid[1], tileCount(this.grid)];
    const sequences = Array.from({ length: count }, (_, k) => {
      const own = patches.slice(0, k * all, (k + 1) * all);
      const whole = joinTiles(own.slice(0, 0, tiles), this.grid, encoded.grid)
        .flatten(0, 1)
        .unsqueeze(0);
      return all === 1 ? whole : concat([whole, own.slice(0, tiles)], 1);
    });
    return concat(sequences, 0);
  }
}
