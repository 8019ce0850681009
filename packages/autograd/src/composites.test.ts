/** Derivatives of operations that are composed of others, against central differences. */
import { concat, einsum, eye, moments, Tensor, where } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { adjointCheck, gradcheck, gradgradcheck } from './gradcheck.ts';
import { distinct, indices, normal, positive, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

type Fn = (...inputs: Tensor[]) => Tensor;

interface Composite {
  readonly name: string;
  readonly inputs: () => Tensor[];
  readonly fn: Fn;
}

interface Convolution {
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
}

/** [N, C, H, W] with weights [O, C, h, w]: windows of the padded image contracted with the weights over C, h and w. */
function conv2d(image: Tensor, weight: Tensor, { stride, dilation, padding }: Convolution): Tensor {
  const [kernelHeight, kernelWidth] = weight.shape.slice(2) as [number, number];
  const margin = [0, 0, padding, padding];
  const windows = graph.window(graph.pad(image.node, margin, margin), [
    { axis: 2, size: kernelHeight, stride, dilation },
    { axis: 3, size: kernelWidth, stride, dilation },
  ]);
  // n c q p h w, o c h w -> n o q p
  return Tensor.fromNode(
    graph.contract(windows, weight.node, { a: [0, 1, 2, 3, 4, 5], b: [6, 1, 4, 5], out: [0, 6, 2, 3] }),
  );
}

/** Overlapping windows of 3 x 3 at stride 2. */
function maxPool2d(image: Tensor): Tensor {
  const windows = graph.window(image.node, [
    { axis: 2, size: 3, stride: 2, dilation: 1 },
    { axis: 3, size: 3, stride: 2, dilation: 1 },
  ]);
  const pooled = graph.reduce('max', windows, [4, 5]);
  return Tensor.fromNode(graph.reshape(pooled, pooled.shape.slice(0, 4)));
}

const convolutions: readonly Convolution[] = [
  { stride: 1, dilation: 1, padding: 0 },
  { stride: 1, dilation: 1, padding: 1 },
  { stride: 2, dilation: 1, padding: 1 },
  { stride: 3, dilation: 1, padding: 2 },
  { stride: 2, dilation: 2, padding: 2 },
];

const composites: readonly Composite[] = [
  { name: 'softmax', inputs: () => [normal([3, 5], 1)], fn: (x) => x.softmax(1) },
  { name: 'softmax of large numbers', inputs: () => [normal([5], 2, (x) => 300 + x)], fn: (x) => x.softmax(0) },
  { name: 'logSoftmax', inputs: () => [normal([3, 5], 3)], fn: (x) => x.logSoftmax(0) },
  { name: 'logsumexp', inputs: () => [normal([3, 5], 4)], fn: (x) => x.logsumexp([0, 1]) },
  {
    name: 'layer norm',
    inputs: () => [normal([4, 6], 5), normal([6], 6), normal([6], 7)],
    fn: (x, weight, bias) => {
      const centered = x.sub(x.mean(-1, true));
      const variance = x.variance(-1, { correction: 0, keepdim: true });
      return centered.mul(variance.add(1e-5).rsqrt()).mul(weight).add(bias);
    },
  },
  {
    name: 'batch norm',
    inputs: () => [normal([4, 3, 2, 2], 8)],
    fn: (x) => {
      const variance = x.variance([0, 2, 3], { correction: 0, keepdim: true });
      return x.sub(x.mean([0, 2, 3], true)).div(variance.add(1e-5).sqrt());
    },
  },
  { name: 'GELU', inputs: () => [normal([7], 9)], fn: (x) => x.mul(x.div(Math.SQRT2).erf().add(1)).mul(0.5) },
  { name: 'QuickGELU', inputs: () => [normal([7], 10)], fn: (x) => x.mul(x.mul(1.702).sigmoid()) },
  { name: 'sigmoid', inputs: () => [normal([7], 11, (x) => 20 * x)], fn: (x) => x.sigmoid() },
  { name: 'relu', inputs: () => [distinct([8], 12)], fn: (x) => x.relu().mul(x) },
  { name: 'clamp', inputs: () => [distinct([8], 13)], fn: (x) => x.clamp(-0.2, 0.1).mul(x) },
  { name: 'abs', inputs: () => [distinct([8], 14)], fn: (x) => x.abs().mul(x) },
  { name: 'cos', inputs: () => [normal([4], 15)], fn: (x) => x.cos() },
  { name: 'division', inputs: () => [normal([4], 16), normal([4], 17, positive)], fn: (a, b) => a.div(b) },
  { name: 'pow of a number', inputs: () => [normal([4], 18, positive)], fn: (x) => x.pow(2.5).add(x.pow(-3)) },
  { name: 'pow of a tensor', inputs: () => [normal([4], 19, positive), normal([4], 20)], fn: (a, b) => a.pow(b) },
  { name: 'min and max', inputs: () => [distinct([3, 4], 21)], fn: (x) => x.max(0).mul(x.min(0)) },
  { name: 'std', inputs: () => [normal([3, 4], 22)], fn: (x) => x.std(1) },
  {
    name: 'moments',
    inputs: () => [normal([3, 4, 2], 43)],
    fn: (x) => {
      const { mean, deviation, variance } = moments(x, [0, -1]);
      return deviation.mul(variance.add(0.1).rsqrt()).add(mean.square());
    },
  },
  { name: 'remainder', inputs: () => [normal([4], 44), normal([4], 45, positive)], fn: (a, b) => a.remainder(b) },
  { name: 'amax', inputs: () => [distinct([3, 4], 46)], fn: (x) => x.amax(1).mul(x.amin(1)) },
  { name: 'norm', inputs: () => [normal([3, 4], 23)], fn: (x) => x.norm(1) },
  {
    name: 'where',
    inputs: () => [normal([3, 4], 24), normal([4], 25)],
    fn: (a, b) => where(a.detach().gt(0), a.exp(), b),
  },
  {
    name: 'matmul with broadcast batches',
    inputs: () => [normal([2, 1, 3, 4], 26), normal([5, 4, 2], 27)],
    fn: (a, b) => a.matmul(b),
  },
  { name: 'matrix times vector', inputs: () => [normal([3, 4], 28), normal([4], 29)], fn: (a, b) => a.matmul(b) },
  {
    name: 'einsum',
    inputs: () => [normal([2, 3, 2, 4], 30), normal([2, 3, 5, 4], 31)],
    fn: (q, k) => einsum('bhld,bhsd->bhls', q, k),
  },
  {
    name: 'attention',
    inputs: () => [normal([2, 3, 12], 32)],
    fn: (packed) => {
      const [q, k, v] = packed.split(4, 2) as [Tensor, Tensor, Tensor];
      return q.matmul(k.transpose(1, 2)).div(2).softmax(-1).matmul(v);
    },
  },
  {
    name: 'an embedding of repeated tokens',
    inputs: () => [normal([5, 3], 33), indices([1, 4, 1, 1], [2, 2])],
    fn: (table, tokens) => table.indexSelect(0, tokens).square(),
  },
  {
    name: 'padding with a value, concat and flip',
    inputs: () => [normal([2, 3], 34)],
    fn: (x) =>
      concat(
        [
          x
            .pad(
              [
                [1, 0],
                [0, 2],
              ],
              3,
            )
            .exp(),
          x
            .pad([
              [0, 1],
              [2, 0],
            ])
            .flip([1]),
        ],
        0,
      ),
  },
  {
    name: 'the contrastive loss',
    inputs: () => [normal([4, 3], 35), normal([4, 3], 36), normal([], 37)],
    fn: (image, text, scale) => {
      const normalized = (x: Tensor): Tensor => x.div(x.norm(1, true));
      const logits = normalized(image).matmul(normalized(text).transpose(0, 1)).mul(scale.exp());
      const diagonal = logits.mul(eye(4, 4, { dtype: 'f64' })).sum(1);
      const row = logits.logsumexp(1).sub(diagonal).mean();
      return row.add(logits.logsumexp(0).sub(diagonal).mean()).div(2);
    },
  },
  ...convolutions.map(
    (setting): Composite => ({
      name: `convolution, stride ${setting.stride}, dilation ${setting.dilation}, padding ${setting.padding}`,
      inputs: () => [normal([2, 2, 6, 7], 38), normal([3, 2, 3, 2], 39)],
      fn: (image, weight) => conv2d(image, weight, setting),
    }),
  ),
  { name: 'max pooling', inputs: () => [distinct([1, 2, 7, 5], 40)], fn: maxPool2d },
];

describe.each(composites)('$name', ({ inputs, fn }) => {
  it('agrees with central differences, once and twice', async () => {
    await gradcheck(fn, inputs(), { tolerance: 1e-6 });
    await gradgradcheck((...all) => fn(...all).square(), inputs(), { directions: 1 });
  });
});

it.each(convolutions)(
  'convolution $stride $dilation $padding passes the adjoint test on both sides',
  async (setting) => {
    const [image, weight] = [normal([2, 2, 6, 7], 41), normal([3, 2, 3, 2], 42)];
    expect(await adjointCheck((x) => conv2d(x, weight, setting), image)).toBeLessThan(1e-14);
    expect(await adjointCheck((w) => conv2d(image, w, setting), weight)).toBeLessThan(1e-14);
  },
);
