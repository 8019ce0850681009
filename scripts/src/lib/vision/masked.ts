import { MaskedAutoencoder, preprocess } from '@tessera/models';
import { type Tensor, tensor } from '@tessera/tensor';
import { picturesOf, spread, type VisionTask } from './vision-task.ts';

/** Pretraining without labels: predict the three quarters of the patches that are hidden. */
export function maskedTask(): VisionTask {
  const imageSize = 32;
  const model = new MaskedAutoencoder({
    imageSize,
    patchSize: 4,
    width: 64,
    depth: 4,
    heads: 4,
    decoderWidth: 32,
    decoderDepth: 1,
    decoderHeads: 4,
  });
  const patches = 64;
  return {
    model,
    imageSize,
    inputs: (batch) => [picturesOf(batch, imageSize)],
    loss: (images) => model.forward(preprocess(images)),
    // The same patches hidden in each evaluation. Beside it the error of a guess by each patch's mean: what knowing nothing costs.
    measures: (images) => {
      const pictures = preprocess(images);
      const count = images.shape[0] as number;
      const noise = tensor(
        Float32Array.from({ length: count * patches }, (_, k) => spread(k + 1)),
        { shape: [count, patches] },
      );
      const { prediction, mask } = model.reconstruct(pictures, noise);
      const blank = (x: Tensor): Tensor => x.mul(0);
      return {
        'error of hidden patches': model.loss(pictures, prediction, mask),
        'error of their mean': model.loss(pictures, blank(prediction), mask),
      };
    },
  };
}
