import { trainBpe } from '@tessera/data';
import {
  GatedCrossAttentionBlock,
  MLPConnector,
  PerceiverResampler,
  preprocess,
  ResidualAttentionBlock,
  Transformer,
  ViT,
} from '@tessera/models';
import { Embedding, functional as F, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import { concat, iota, type Tensor, tensor } from '@tessera/tensor';
import { picturesOf, type SplitContents, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 64;
const contextLength = 16;
const width = 64;
const heads = 4;
const layers = 3;
const causal = { causal: true, activation: 'gelu', batchFirst: true } as const;

/** The first caption of every row. @throws where there are none */
function firstCaptions(split: SplitContents, column: string): string[] {
  const texts = Array.from({ length: split.length }, (_, index) => [split.row(index, [column])[column]].flat()[0]);
  const found = texts.filter((text) => typeof text === 'string');
  if (found.length === 0)
    throw new Error(`${split.path}, split "${split.name}": column "${column}" holds no captions to learn from`);
  return found;
}

/** A ViT's tokens made words of a language model, or put between its layers. */
interface Reader extends Module {
  /** seen [N, S, width], words [N, L, width] to [N, L, width], each word having seen those before it. */
  forward(seen: Tensor, words: Tensor): Tensor;
}

/** The image in front of the text (Liu et al. 2023, "LLaVA"): its tokens go through a connector and stand before the words. */
class ReadPrefix extends Module implements Reader {
  readonly connector = new MLPConnector(width, width);
  readonly transformer = new Transformer(width, layers, heads, causal);

  forward(seen: Tensor, words: Tensor): Tensor {
    const prefix = this.connector.forward(seen);
    return this.transformer.forward(concat([prefix, words], 1)).slice(1, prefix.shape[1] as number);
  }
}

/** The image between the layers (Alayrac et al. 2022, "Flamingo"): a resampler, and a gated block before each layer. */
class ReadGated extends Module implements Reader {
  readonly resampler = new PerceiverResampler(width, width, { latents: 8, layers: 1, heads, headWidth: width / heads });
  readonly gated = Array.from({ length: layers }, () => new GatedCrossAttentionBlock(width, heads));
  readonly layers = Array.from({ length: layers }, () => new ResidualAttentionBlock(width, heads, causal));

  forward(seen: Tensor, words: Tensor): Tensor {
    const context = this.resampler.forward(seen);
    return this.layers.reduce((x, layer, k) => {
      const gated = this.gated[k] as GatedCrossAttentionBlock;
      return layer.forward(gated.forward(x, context));
    }, words);
  }
}

/** A ViT and a causal language model that reads what it sees. */
class Captioner extends Module {
  readonly visual: ViT;
  readonly token_embedding: Embedding;
  readonly positional_embedding: Parameter;
  readonly reader: Reader;
  readonly ln_final: LayerNorm;

  constructor(vocabularySize: number, reader: Reader) {
    super();
    this.visual = new ViT({ imageSize, patchSize: 8, width, depth: 4, heads });
    this.token_embedding = new Embedding(vocabularySize, width);
    this.token_embedding.weight.initialize(init.normal({ std: 0.02 }));
    this.positional_embedding = new Parameter(init.normal({ std: 0.01 })([contextLength, width]));
    this.reader = reader;
    this.ln_final = new LayerNorm(width);
  }

  /** Pictures [N, 3, R, R] and ids i32 [N, L] to the next token's logits at each of the L places, [N, L, vocabulary]. */
  forward(images: Tensor, ids: Tensor): Tensor {
    const words = this.token_embedding.forward(ids).add(this.positional_embedding);
    const read = this.ln_final.forward(this.reader.forward(this.visual.encode(images).tokens, words));
    // The words' vectors serve as the output's weights, too (Press and Wolf 2017).
    return read.matmul(this.token_embedding.weight.transpose(0, 1));
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
function describeTask({ train }: Pick<TaskOptions, 'train'>, reader: Reader): VisionTask {
  const tokenizer = trainBpe(firstCaptions(train, 'captions'), { vocabSize: 1500 });
  const model = new Captioner(tokenizer.vocabSize, reader);
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

/** With the image's tokens in front of the words, through a connector. */
export const captionTask = (options: Pick<TaskOptions, 'train'>): VisionTask => describeTask(options, new ReadPrefix());

/** With gated cross-attention to the image between the language model's layers. */
export const gatedCaptionTask = (options: Pick<TaskOptions, 'train'>): VisionTask =>
  describeTask(options, new ReadGated());
