/** Pixels from -1 to 1, as a VQ tokenizer reads and writes them, and what it makes of images. */
import { preprocess, type VQTokenizer } from '@tessera/models';
import { concat, type Tensor } from '@tessera/tensor';

/** Normalization to the range from -1 to 1. */
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** u8 [N, H, W, 3] to f32 [N, 3, H, W] from -1 to 1. */
export const toSignedPixels = (images: Tensor): Tensor => preprocess(images, half);

/** f32 [N, 3, H, W] from -1 to 1 to f32 [N, H, W, 3] from 0 to 255. Values outside of the range are clamped. */
const fromSignedPixels = (images: Tensor): Tensor => images.clamp(-1, 1).add(1).mul(127.5).permute(0, 2, 3, 1);

/** Images u8 [N, R, R, 3] to rows of their tokens and of the pixels that these are decoded to, f32 [N, r r + R R 3]. */
export function encodeAndDecode(model: VQTokenizer, images: Tensor): Tensor {
  const tokens = model.encode(toSignedPixels(images));
  return concat([tokens.flatten(1).cast('f32'), fromSignedPixels(model.decode(tokens)).flatten(1)], 1);
}

/** Tokens and pixels in a row of `encodeAndDecode`. */
export function reconstructionIn(
  { gridSize }: VQTokenizer,
  row: Float32Array,
): { readonly tokens: Float32Array; readonly reconstruction: Uint8Array } {
  const count = gridSize ** 2;
  return { tokens: row.subarray(0, count), reconstruction: Uint8Array.from(row.subarray(count), Math.round) };
}
