import { MLPConnector, preprocess, Transformer, ViT } from '@tessera/models';
import { Embedding, functional as F, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import { concat, iota, type Tensor, tensor } from '@tessera/tensor';
import { trainBpe } from '@tessera/train';
import { picturesOf, type SplitContents, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 64;
const contextLength = 16;
const width = 64;

/** The first caption of every row. @throws where there are none */
function firstCaptions(split: SplitContents, column: string): string[] {
  const texts = Array.from({ length: split.length }, (_, index) => [split.row(index, [column])[column]].flat()[0]);
  const found = texts.filter((text) => typeof text === 'string');
  if (found.length === 0)
    throw new Error(`${split.path}, split "${split.name}": column "${column}" holds no captions to learn from`);
  return found;
}

/**
 * An image in front of a text (Liu et al. 2023, "LLaVA"): a ViT's tokens go through a connector into the space of a causal language
 * model's words, and stand before them.
 */
class Captioner extends Module {
  readonly visual: ViT;
  readonly connector: MLPConnector;
  readonly token_embedding: Embedding;
  readonly positional_embedding: Parameter;
  readonly transformer: Transformer;
  readonly ln_final: LayerNorm;

  constructor(vocabularySize: number) {
    super();
    this.visual = new ViT({ imageSize, patchSize: 8, width, depth: 4, heads: 4 });
    this.connector = new MLPConnector(width, width);
    this.token_embedding = new Embedding(vocabularySize, width);
    this.token_embedding.weight.initialize(init.normal({ std: 0.02 }));
    this.positional_embedding = new Parameter(init.normal({ std: 0.01 })([contextLength, width]));
    this.transformer = new Transformer(width, 3, 4, { causal: true, activation: 'gelu', batchFirst: true });
    this.ln_final = new LayerNorm(width);
  }

  /** Pictures [N, 3, R, R] and ids i32 [N, L] to the next token's logits at each of the L places, [N, L, vocabulary]. */
  forward(images: Tensor, ids: Tensor): Tensor {
    const seen = this.connector.forward(this.visual.encode(images).tokens);
    const words = this.token_embedding.forward(ids).add(this.positional_embedding);
    const read = this.transformer.forward(concat([seen, words], 1)).slice(1, seen.shape[1] as number);
    // The words' vectors serve as the output's weights, too (Press and Wolf 2017).
    return this.ln_final.forward(read).matmul(this.token_embedding.weight.transpose(0, 1));
  }
}

/** Mean of -ln p over the tokens that follow the start, the end included. */
function nextTokenLoss(logits: Tensor, ids: Tensor): Tensor {
  const [n, length, vocabulary] = logits.shape as [number, number, number];
  const next = ids.slice(1, 1).reshape([-1]);
  const each = F.crossEntropy(logits.slice(1, 0, length - 1).reshape([-1, vocabulary]), next, { reduction: 'none' });
  // The end is the largest id; what follows it is padding.
  const end = ids.argmax(1, true).cast('i32');
  const counted = iota([n, length - 1], 1)
    .lt(end)
    .cast('f32')
    .reshape([-1]);
  return each.mul(counted).sum().div(counted.sum());
}

/** Say what is seen: the next word from the picture and the words before it. */
export function captionTask({ train }: Pick<TaskOptions, 'train'>): VisionTask {
  const tokenizer = trainBpe(firstCaptions(train, 'captions'), { vocabSize: 1500 });
  const model = new Captioner(tokenizer.vocabSize);
  const loss = (images: Tensor, ids: Tensor): Tensor => nextTokenLoss(model.forward(preprocess(images), ids), ids);
  return {
    model,
    imageSize,
    loading: { captionChoice: 'first' },
    inputs: (batch) => [
      picturesOf(batch, imageSize),
      tensor(tokenizer.encodeBatch(batch.caption, contextLength, { onTooLong: 'truncate' }), {
        shape: [batch.size, contextLength],
      }),
    ],
    loss,
    // Another's picture shows what is known about captions at large.
    measures: (images, ids) => ({
      'nats a token': loss(images, ids),
      "with another's picture": loss(concat([images.slice(0, 1), images.slice(0, 0, 1)], 0), ids),
    }),
  };
}
