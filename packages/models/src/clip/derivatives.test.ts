/** The derivative of a whole CLIP, against central differences. */
import { gradcheck } from '@tessera/autograd';
import { contrastiveLoss, init } from '@tessera/nn';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, test } from 'vitest';
import type { VisionConfig } from '../image-towers.ts';
import { CLIP } from './clip.ts';
import type { CLIPConfig } from './config.ts';

/** So small that hardly a ReLU changes sides between the two points of a difference. */
const eps = 1e-7;

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(2);
});

const configFor = (vision: VisionConfig): CLIPConfig => ({
  embedDim: 5,
  vision,
  text: { contextLength: 4, vocabularySize: 9, width: 8, layers: 1, heads: 2 },
});

describe('the loss of a whole model has the derivative that differences show', () => {
  test.each<VisionConfig>([
    { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2 },
    { kind: 'resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1], heads: 2 },
  ])('with image tower $kind', async (vision) => {
    const model = new CLIP(configFor(vision)).to('f64');
    const tokens = tensor(Int32Array.of(1, 2, 8, 0, 1, 8, 0, 0, 3, 4, 5, 8), { shape: [3, 4] });
    const images = init.normal()([3, 3, vision.imageSize, vision.imageSize]).cast('f64');
    await gradcheck((x: Tensor) => contrastiveLoss(model.forward(x, tokens)), [images], { eps, tolerance: 1e-5 });
  });
});
