/** Pixels from -1 to 1, as a VQ tokenizer reads and writes them. */
import { preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';

/** Normalization to the range from -1 to 1. */
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** u8 [N, H, W, 3] to f32 [N, 3, H, W] from -1 to 1. */
export const toSignedPixels = (images: Tensor): Tensor => preprocess(images, half);

/** f32 [N, 3, H, W] from -1 to 1 to f32 [N, H, W, 3] from 0 to 255. Values outside of the range are clamped. */
export const fromSignedPixels = (images: Tensor): Tensor => images.clamp(-1, 1).add(1).mul(127.5).permute(0, 2, 3, 1);
