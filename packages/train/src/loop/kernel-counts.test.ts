/**
 * The number of kernels that common steps are scheduled into. The numbers show what the scheduler does today; they are not a goal. Find out
 * why a number changed before you update it.
 */
import { grad } from '@tessera/autograd';
import { CLIP, type CLIPConfig, createImageTower, ImageClassifier } from '@tessera/models';
import { functional as F, LayerNorm, Linear, MultiheadAttention } from '@tessera/nn';
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { AdamW, AveragedModel, clipGradNorm, parameterGroups } from '../optim/index.ts';

const text = { contextLength: 8, vocabularySize: 64, width: 32, layers: 2, heads: 2 };
const vit: CLIPConfig = {
  embedDim: 16,
  vision: { kind: 'vit', imageSize: 16, patchSize: 8, width: 32, layers: 2, heads: 2 },
  text,
  activation: 'quickgelu',
};
const resnet: CLIPConfig = {
  ...vit,
  vision: { kind: 'resnet', imageSize: 32, width: 8, layers: [1, 1, 1, 1], heads: 4 },
};

const images = (config: CLIPConfig): Tensor => zeros([4, 3, config.vision.imageSize, config.vision.imageSize]);
const tokens = (): Tensor => zeros([4, 8], { dtype: 'i32' });

async function kernels(step: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]): Promise<number> {
  const { plan } = await compile(step).program(...inputs);
  return plan.stages.flat().length;
}

/** Forward, backward, clipping and AdamW, and an average of the weights if it has a decay. */
function trainingStep(
  config: CLIPConfig,
  { decay = null, layerDecay = null }: { readonly decay?: number | null; readonly layerDecay?: number | null } = {},
): (...inputs: Tensor[]) => Tensor {
  const model = new CLIP(config);
  const averages = decay === null ? null : new AveragedModel(model, { decay });
  const parameters = [...model.parameters()];
  const { groups } = parameterGroups(model, { weightDecay: 0.2, groups: [], layerDecay });
  const optimizer = new AdamW(model.namedParameters(), { lr: 1e-3, weightDecay: 0.2, groups });
  return (batch, ids, lr) => {
    const loss = F.contrastiveLoss(model.forward(batch as Tensor, ids as Tensor));
    optimizer.step(clipGradNorm(grad(loss, parameters), 1).gradients, lr as Tensor);
    averages?.updateParameters();
    return loss;
  };
}

describe('kernels of', () => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend('reference-kernels');
  });

  const squared = (x: Tensor): Tensor => x.square().sum();

  it('a softmax: one', async () => {
    expect(await kernels((x) => (x as Tensor).softmax(-1), zeros([8, 16]))).toBe(1);
  });

  it('a layer normalization: one forward', async () => {
    const layer = new LayerNorm(16);
    expect(await kernels((x) => layer.forward(x as Tensor), zeros([8, 16]))).toBe(1);
    const gradients = (x: Tensor): Tensor[] => grad(squared(layer.forward(x)), [...layer.parameters()]);
    expect(await kernels((x) => gradients(x as Tensor), zeros([8, 16]))).toMatchInlineSnapshot(`3`);
  });

  it('a linear layer with an activation: one forward', async () => {
    const layer = new Linear(16, 32);
    expect(await kernels((x) => F.quickGelu(layer.forward(x as Tensor)), zeros([8, 16]))).toBe(1);
    const gradients = (x: Tensor): Tensor[] => grad(squared(F.quickGelu(layer.forward(x))), [...layer.parameters()]);
    expect(await kernels((x) => gradients(x as Tensor), zeros([8, 16]))).toMatchInlineSnapshot(`3`);
  });

  it('multi-head attention: projection, scores, softmax, values, projection', async () => {
    const layer = new MultiheadAttention(32, 4, { batchFirst: true });
    const forward = (x: Tensor): Tensor => layer.forward(x, x, x);
    expect(await kernels((x) => forward(x as Tensor), zeros([2, 6, 32]))).toMatchInlineSnapshot(`5`);
    const gradients = (x: Tensor): Tensor[] => grad(squared(forward(x)), [...layer.parameters()]);
    expect(await kernels((x) => gradients(x as Tensor), zeros([2, 6, 32]))).toMatchInlineSnapshot(`15`);
  });

  it('CLIP with a ViT', async () => {
    const model = new CLIP(vit);
    expect(await kernels((x) => model.encodeImage(x as Tensor), images(vit))).toMatchInlineSnapshot(`23`);
    expect(await kernels((ids) => model.encodeText(ids as Tensor), tokens())).toMatchInlineSnapshot(`23`);
    expect(await kernels(trainingStep(vit), images(vit), tokens(), zeros([]))).toMatchInlineSnapshot(`287`);
  });

  it('an average of the weights: only the number of updates, the rest is a part of the update', async () => {
    const inputs = [images(vit), tokens(), zeros([])];
    expect(await kernels(trainingStep(vit, { decay: 0.9 }), ...inputs)).toBe(
      (await kernels(trainingStep(vit), ...inputs)) + 1,
    );
  });

  it('other learning rates for each layer: none', async () => {
    const inputs = [images(vit), tokens(), zeros([])];
    expect(await kernels(trainingStep(vit, { layerDecay: 0.75 }), ...inputs)).toBe(
      await kernels(trainingStep(vit), ...inputs),
    );
  });

  it('CLIP with a ResNet', async () => {
    const model = new CLIP(resnet).eval();
    expect(await kernels((x) => model.encodeImage(x as Tensor), images(resnet))).toMatchInlineSnapshot(`36`);
    expect(await kernels(trainingStep(resnet), images(resnet), tokens(), zeros([]))).toMatchInlineSnapshot(`420`);
  });

  it('a classifier', async () => {
    const model = new ImageClassifier(createImageTower(vit.vision, 16), 10);
    const parameters = [...model.parameters()];
    const gradients = (x: Tensor, labels: Tensor): Tensor[] =>
      grad(F.crossEntropy(model.forward(x), labels, { ignoreIndex: null }), parameters);
    const labels = zeros([4], { dtype: 'i32' });
    expect(await kernels((x, y) => gradients(x as Tensor, y as Tensor), images(vit), labels)).toMatchInlineSnapshot(
      `82`,
    );
  });
});
