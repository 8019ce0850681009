/** CLIP's text tower: padding does not matter. */
import { grad } from '@tessera/autograd';
import { init } from '@tessera/nn';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { at } from '../testing/lists.ts';
import { TextTransformer } from './text-transformer.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(7);
});

const config = { contextLength: 12, vocabularySize: 20, width: 16, layers: 3, heads: 2 };

/** Captions of 3 to 7 tokens, padded to `length`: 18 starts, 19 ends. */
const captions = (length: number): Tensor =>
  tensor(
    [
      [18, 3, 19],
      [18, 5, 1, 4, 2, 9, 19],
      [18, 0, 7, 0, 19],
    ].map((ids) => [...ids, ...new Array<number>(length - ids.length).fill(0)]),
    { dtype: 'i32' },
  );

describe('the text tower', () => {
  test('returns the same without the padding that all captions share, and has the same gradients', async () => {
    const model = new TextTransformer(config, 8);
    const direction = init.normal()([3, 8]);
    const parameters = [...model.parameters()];
    const of = (length: number): { features: Tensor; gradients: Tensor[] } => {
      const features = model.forward(captions(length));
      return { features, gradients: grad(features.mul(direction).sum(), parameters) };
    };
    const [whole, short] = [of(12), of(7)];
    const found = [short.features, ...short.gradients];
    for (const [k, expected] of [whole.features, ...whole.gradients].entries()) {
      const actual = at(found, k);
      expect(actual.shape).toEqual(expected.shape);
      const [largest, distance] = await Promise.all([
        expected.abs().max().item(),
        actual.sub(expected).abs().max().item(),
      ]);
      expect(distance).toBeLessThanOrEqual(2e-6 * largest);
    }
  });

  test('is a different function where an end is cut off', async () => {
    const model = new TextTransformer(config, 8);
    const cut = model.forward(captions(12).slice(1, 0, 6));
    expect(
      (await cut
        .sub(model.forward(captions(12)))
        .abs()
        .max()
        .item()) > 1e-3,
    ).toBe(true);
  });

  test.each([[[2, 13]], [[2, 0]], [[12]]])('refuses tokens of shape %j', (shape) => {
    const model = new TextTransformer(config, 8);
    const tokens = tensor(new Int32Array(shape.reduce((size, n) => size * n, 1)), { shape });
    expect(() => model.forward(tokens)).toThrow('needs tokens [N, L] with L from 1 to 12');
  });
});
