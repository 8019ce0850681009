/** Tables: padding, norms, frequencies and bags. */
import { grad } from '@tessera/autograd';
import { compile, type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagCall,
  type EmbeddingBagOptions,
  embedding,
  embeddingBag,
} from './embedding.ts';

const whole = (...values: number[]): Tensor => tensor(Int32Array.from(values));

describe.each(testedBackends)('embeddings on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const table = (): Tensor =>
    tensor(
      [
        [3, 4],
        [0, 1],
        [6, 8],
        [1, 0],
      ],
      { requiresGrad: true },
    );
  const gradientOf = async (f: (weight: Tensor) => Tensor): Promise<unknown> => {
    const weight = table();
    const [gradient] = grad(f(weight).sum(), [weight]);
    return gradient?.toArray();
  };

  test('the row of padding starts at 0 and has no gradient', async () => {
    for (const paddingIdx of [2, -2]) {
      expect(await new Embedding(4, 3, { paddingIdx }).weight.select(0, 2).toArray()).toEqual([0, 0, 0]);
      expect(await gradientOf((weight) => embedding(whole(2, 0, 2), weight, { paddingIdx }))).toEqual([
        [1, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    }
    const read = embedding(whole(2), table(), { paddingIdx: 2 });
    expect(await read.toArray()).toEqual([[6, 8]]);
  });

  test('rows that are not there are an error', async () => {
    const read = async (rows: () => Tensor): Promise<unknown> => rows().toArray();
    for (const wrong of [4, -1])
      for (const options of [{}, { paddingIdx: 1 }, { scaleGradByFreq: true }])
        await expect(read(() => embedding(whole(0, wrong), table(), options))).rejects.toThrow(
          `embedding: index ${wrong}`,
        );
    await expect(read(() => embeddingBag(whole(4), table(), { offsets: whole(0) }))).rejects.toThrow('index 4');
    await expect(read(() => embeddingBag(whole(0), table(), { offsets: whole(0, 3) }))).rejects.toThrow(
      'embeddingBag: offsets: index 3',
    );
  });

  test('scaleGradByFreq divides by the number of reads', async () => {
    const read = (weight: Tensor): Tensor => embedding(whole(0, 1, 0, 0), weight, { scaleGradByFreq: true }).mul(3);
    const rows = (await gradientOf(read)) as number[][];
    for (const [k, expected] of [3, 3, 0, 0].entries()) expect(rows[k]?.[0]).toBeCloseTo(expected, 5);
  });

  test('maxNorm shortens the rows that are read, in place', async () => {
    const layer = new Embedding(4, 2, { maxNorm: 1 });
    layer.loadStateDict({ weight: table() });
    const [first] = (await layer.forward(whole(0, 1)).toArray()) as number[][];
    expect(first?.[0]).toBeCloseTo(0.6, 6);
    expect(first?.[1]).toBeCloseTo(0.8, 6);
    const after = (await layer.weight.toArray()) as number[][];
    expect(after.slice(1)).toEqual([
      [0, 1],
      [6, 8],
      [1, 0],
    ]);
    expect(after[0]?.[1]).toBeCloseTo(0.8, 6);
  });

  const bags: readonly (readonly [
    name: string,
    options: EmbeddingBagOptions & EmbeddingBagCall,
    expected: number[][],
  ])[] = [
    [
      'sum',
      { mode: 'sum' },
      [
        [9, 12],
        [0, 0],
        [1, 1],
      ],
    ],
    [
      'mean',
      { mode: 'mean' },
      [
        [4.5, 6],
        [0, 0],
        [0.5, 0.5],
      ],
    ],
    [
      'max',
      { mode: 'max' },
      [
        [6, 8],
        [0, 0],
        [1, 1],
      ],
    ],
    [
      'sum without padding',
      { mode: 'sum', paddingIdx: 0 },
      [
        [6, 8],
        [0, 0],
        [1, 1],
      ],
    ],
    [
      'mean without padding',
      { mode: 'mean', paddingIdx: 0 },
      [
        [6, 8],
        [0, 0],
        [0.5, 0.5],
      ],
    ],
    [
      'max without padding',
      { mode: 'max', paddingIdx: -2 },
      [
        [3, 4],
        [0, 0],
        [1, 1],
      ],
    ],
  ];
  test.each(bags)('bags: %s', async (_, options, expected) => {
    const offsets = whole(0, 2, 2);
    expect(await embeddingBag(whole(0, 2, 1, 3), table(), { ...options, offsets }).toArray()).toEqual(expected);
    const last = { offsets: whole(0, 2, 2, 4), includeLastOffset: true };
    expect(await embeddingBag(whole(0, 2, 1, 3), table(), { ...options, ...last }).toArray()).toEqual(expected);
    const square = tensor(Int32Array.of(0, 2, 1, 3), { shape: [2, 2] });
    const rows = [expected[0], expected[2]];
    expect(await embeddingBag(square, table(), options).toArray()).toEqual(rows);
    const compiled = compile((weight: Tensor) => embeddingBag(square, weight, options));
    expect(await (await compiled(table())).toArray()).toEqual(rows);
    compiled.dispose();
  });

  test('factors on the rows of a bag', async () => {
    const perSampleWeights = tensor([2, -1, 0.5]);
    const layer = new EmbeddingBag(4, 2, { mode: 'sum' });
    layer.loadStateDict({ weight: table() });
    const sums = layer.forward(whole(0, 1, 2), { offsets: whole(0, 2), perSampleWeights });
    expect(await sums.toArray()).toEqual([
      [6, 7],
      [3, 4],
    ]);
    expect(await embeddingBag(whole(), table(), { offsets: whole(0, 0) }).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('embeddings refuse', () => {
  beforeAll(() => useBackend('reference'));
  const weight = zeros([4, 2]);

  test.each<[string, () => unknown]>([
    ['embedding: the weight must be [rows, width], got [2, 4, 2]', () => embedding(whole(0), zeros([2, 4, 2]))],
    ['embedding: the index must be integers, i32 or u8, got f32 [1]', () => embedding(zeros([1]), weight)],
    ['embedding: paddingIdx 4 is not a row of a table of 4', () => embedding(whole(0), weight, { paddingIdx: 4 })],
    ['Embedding: paddingIdx -5 is not a row of a table of 4', () => new Embedding(4, 2, { paddingIdx: -5 })],
    ['Embedding: numEmbeddings must be a whole number of at least 1, got 2.5', () => new Embedding(2.5, 2)],
    ['EmbeddingBag: embeddingDim must be a whole number of at least 1, got NaN', () => new EmbeddingBag(2, Number.NaN)],
    ['embedding: maxNorm must be greater than 0, got 0', () => embedding(whole(0), weight, { maxNorm: 0 })],
    ['embeddingBag: an index without offsets must be [B, L], got [1]', () => embeddingBag(whole(0), weight)],
    [
      'the index must be [n] and the offsets [B]',
      () => embeddingBag(zeros([1, 1], { dtype: 'i32' }), weight, { offsets: whole(0) }),
    ],
    [
      "embeddingBag: mode must be sum, mean, max, got 'min'",
      () => embeddingBag(whole(0), weight, { mode: 'min' as 'max' }),
    ],
    [
      "perSampleWeights need the mode 'sum', got 'mean'",
      () => embeddingBag(whole(0), weight, { offsets: whole(0), perSampleWeights: zeros([1]) }),
    ],
  ])('%s', (message, call) => {
    expect(call).toThrow(message);
  });
});
