/** What a masked autoencoder sees and predicts, as pixels. */
import { clipNormalization, type MaskedAutoencoder } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { type Tensor, tensor, where } from '@tessera/tensor';

/** The inverse of `preprocess`: f32 [N, 3, H, W] to u8 [N, H, W, 3]. */
function toPixels(pictures: Tensor): Tensor {
  const { mean, std } = clipNormalization;
  return pictures
    .permute(0, 2, 3, 1)
    .mul(tensor([...std]))
    .add(tensor([...mean]))
    .mul(255)
    .add(0.5)
    .floor()
    .clamp(0, 255)
    .cast('u8');
}

/**
 * The images as the encoder sees them, with hidden patches in gray, and as the decoder completes them: u8 [N, H, W, 3] each. Where the model
 * predicts patches relative to their mean and deviation, these two numbers of each hidden patch are taken from the image.
 *
 * @param pictures [N, 3, H, W], normalized
 * @param prediction [N, L, h w 3]
 * @param mask f32 [N, L], 1 where a patch is hidden
 */
export function completedImages(
  model: MaskedAutoencoder,
  pictures: Tensor,
  prediction: Tensor,
  mask: Tensor,
): { readonly masked: Tensor; readonly completed: Tensor } {
  const order = { order: 'channels-last' } as const;
  const patches = F.patchify(pictures, model.patchSize, order);
  const deviation = patches.variance(-1, { keepdim: true }).add(1e-6).sqrt();
  const predicted = model.normalizePixels ? prediction.mul(deviation).add(patches.mean(-1, true)) : prediction;
  const hidden = mask.unsqueeze(2);
  const images = (shown: Tensor): Tensor => toPixels(F.unpatchify(shown, model.patchSize, model.grid, order));
  // Zero is the mean color of the normalization, a gray.
  return { masked: images(where(hidden, 0, patches)), completed: images(where(hidden, predicted, patches)) };
}
