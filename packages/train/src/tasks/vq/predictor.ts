/** Single images as tokens, and what these are decoded to. */
import type { VQTokenizer } from '@tessera/models';
import { encodeAndDecode, reconstructionIn } from '../../evaluation/reconstruction/signed-pixels.ts';
import { rowAt, rowCount } from '../../evaluation/retrieval/products.ts';
import { predictionEncoder } from '../../predict/encoders.ts';
import type { Predictor } from '../../predict/prediction.ts';

export function tokenPredictor(model: VQTokenizer): Predictor {
  const { imageSize } = model.config;
  const length = model.gridSize ** 2 + imageSize * imageSize * 3;
  const encoder = predictionEncoder(model, (images) => encodeAndDecode(model, images));
  return {
    asks: [],
    draws: true,
    async predict(images) {
      const rows = await encoder.encode(images, [imageSize, imageSize, 3]);
      return Array.from({ length: rowCount(rows, length) }, (_, k) => {
        const { tokens, reconstruction } = reconstructionIn(model, rowAt(rows, k, length));
        return {
          kind: 'tokens',
          tokens: [...tokens],
          grid: [model.gridSize, model.gridSize],
          reconstruction: { pixels: reconstruction, height: imageSize, width: imageSize },
        };
      });
    },
    dispose: () => encoder.dispose(),
  };
}
