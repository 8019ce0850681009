/** Predictions for JSON: bytes of masks and pictures as base64. */
import { drawPrediction, type Prediction } from '@tessera/train';

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** A prediction whose masks and pictures are texts. */
export function predictionJson(prediction: Prediction): Record<string, unknown> & { readonly kind: string } {
  switch (prediction.kind) {
    case 'mask':
      return { ...prediction, mask: { ...prediction.mask, data: base64(prediction.mask.data) } };
    case 'tokens': {
      const { reconstruction } = prediction;
      return { ...prediction, reconstruction: { ...reconstruction, pixels: base64(reconstruction.pixels) } };
    }
    default:
      return prediction;
  }
}

/** What is drawn of a prediction, as data: addresses of PNG files. @param bytes the image's file */
export async function drawnPictures(bytes: Uint8Array, prediction: Prediction): Promise<string[]> {
  const drawn = await drawPrediction(bytes, prediction);
  return drawn.map(({ png }) => `data:image/png;base64,${base64(png)}`);
}
