import { joinTiles, MLPConnector, preprocess, Transformer, tileCount, tileImage, ViT } from '@tessera/models';
import { functional as F, init, LayerNorm, Linear, Module, Parameter } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';
import { labelsOf, placeInScenes, shareRight, type TaskOptions, type VisionTask } from './vision-task.ts';

const pictureSize = 24;
const [sceneHeight, sceneWidth] = [64, 96] as const;
const tileSize = 32;
const patchSize = 8;
const width = 64;

/** An encoder of one size that looks at a larger image tile by tile, a connector, and a transformer over all tokens. */
class TiledClassifier extends Module {
  readonly maxTiles: number;
  readonly visual: ViT;
  readonly connector: MLPConnector;
  readonly class_embedding: Parameter;
  readonly positional_embedding: Parameter;
  readonly transformer: Transformer;
  readonly ln_post: LayerNorm;
  readonly head: Linear;

  /** @param tiles how many an image has, the thumbnail included */
  constructor(classes: number, maxTiles: number, tiles: number) {
    super();
    this.maxTiles = maxTiles;
    this.visual = new ViT({ imageSize: tileSize, patchSize, width, depth: 3, heads: 4 });
    this.connector = new MLPConnector(width, width);
    const small = init.normal({ std: 0.02 });
    this.class_embedding = new Parameter(small([1, 1, width]));
    this.positional_embedding = new Parameter(small([1 + tiles * (tileSize / patchSize) ** 2, width]));
    this.transformer = new Transformer(width, 2, 4, { activation: 'gelu', batchFirst: true });
    this.ln_post = new LayerNorm(width);
    this.head = new Linear(width, classes);
  }

  /** [N, 3, H, W] to logits [N, classes] */
  forward(images: Tensor): Tensor {
    const [n] = images.shape as [number];
    const cut = Array.from({ length: n }, (_, k) =>
      tileImage(images.select(0, k), { tileSize, maxTiles: this.maxTiles }),
    );
    const {
      tokens,
      prefix,
      grid: tileGrid,
    } = this.visual.encode(
      concat(
        cut.map(({ tiles }) => tiles),
        0,
      ),
    );
    const patches = tokens.slice(1, prefix);
    let first = 0;
    const sequences = cut.map(({ grid }) => {
      const [rows, columns] = grid;
      const own = patches.slice(0, first, first + tileCount(grid));
      first += tileCount(grid);
      const whole = joinTiles(own.slice(0, 0, rows * columns), grid, tileGrid).reshape([1, -1, width]);
      return tileCount(grid) === 1 ? whole : concat([whole, own.slice(0, rows * columns)], 1);
    });
    const read = this.connector.forward(concat(sequences, 0));
    const sequence = concat([this.class_embedding.expand(n, 1, width), read], 1).add(this.positional_embedding);
    return this.head.forward(this.ln_post.forward(this.transformer.forward(sequence).select(1, 0)));
  }
}

/** The class of a small picture somewhere in a scene of six tiles. */
function scenesTask(options: Pick<TaskOptions, 'classes'>, maxTiles: number): VisionTask {
  const grid = maxTiles === 1 ? ([1, 1] as const) : ([sceneHeight / tileSize, sceneWidth / tileSize] as const);
  const model = new TiledClassifier(options.classes, maxTiles, tileCount(grid));
  return {
    model,
    imageSize: pictureSize,
    inputs: (batch) => [placeInScenes(batch, pictureSize, sceneHeight, sceneWidth), labelsOf(batch, options)],
    loss: (images, labels) => F.crossEntropy(model.forward(preprocess(images)), labels),
    measures: (images, labels) => ({ 'class right': shareRight(model.forward(preprocess(images)), labels) }),
  };
}

/** Scenes as six tiles and a thumbnail. */
export const tilesTask = (options: Pick<TaskOptions, 'classes'>): VisionTask => scenesTask(options, 6);

/** The same scenes reduced to a single tile: what tiles are to be compared with. */
export const thumbnailTask = (options: Pick<TaskOptions, 'classes'>): VisionTask => scenesTask(options, 1);
