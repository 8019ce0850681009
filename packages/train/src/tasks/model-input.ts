/** What an image tower receives. */
import { pixelsOf, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';

/** The input of an image tower, f32 [B, C, H, W]: pixels u8 [B, H, W, C] are preprocessed; mixed images are already. */
export const modelInput = (images: Tensor): Tensor => (images.dtype === 'u8' ? preprocess(images) : images);

/** Images as pixels, u8 [B, H, W, C]: those that `modelInput` takes. */
export const shownPixels = (images: Tensor): Tensor => (images.dtype === 'u8' ? images : pixelsOf(images));
