import { promises as fs } from 'node:fs';
import { loadTokenizer } from '@tessera/data';
import { manualSeed, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MeasuresResult } from '../../evaluation/measures/evaluate.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { testTask } from '../../testing/task-suite.ts';
import { Captioner } from './captioner.ts';
import { captionLikelihood } from './objective.ts';

const set = [
  'model.vision={imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2}',
  'model.text={contextLength: 8, width: 16, layers: 1, heads: 2}',
  ...['evaluation.splits=null', 'optimizer.lr=1e-2', 'training.epochs=12'],
];

for (const { preset, own } of [
  { preset: 'caption', own: [] },
  { preset: 'caption-gated', own: ['model.reader.latents=2'] },
]) {
  const runs = testTask({ preset, set: [...set, ...own] });

  describe(preset, () => {
    it('stores the tokenizer that it learned from the captions, and writes captions in its words', async () => {
      const tokenizer = await loadTokenizer(runs.folder('run').tokenizer);
      // Each word of the first captions is one token: the base symbols, start and end aside.
      expect(tokenizer.encode('green circle')).toHaveLength(4);
      const [{ examples } = { examples: [] }] = (await runs.evaluate('run')) as MeasuresResult[];
      for (const { lines, right } of examples) {
        const [caption = '', truth] = lines;
        expect(right).toBe(truth === undefined);
        expect(tokenizer.decode(tokenizer.encode(caption))).toBe(caption);
        if (truth !== undefined) expect(truth).toMatch(/^true: (red|green|blue|black) (circle|square|bar)$/);
      }
      const stored = JSON.parse(await fs.readFile(`${runs.folder('run').samples}/examples-test.json`, 'utf8'));
      expect(stored).toEqual(examples.map(({ lines, right }) => ({ lines, right })));
    });

    it('has the same loss in parts of a batch', async () => {
      const [[inParts], [atOnce]] = [await runs.losses('cut'), await runs.losses('run')];
      expect(inParts).toBeCloseTo(atOnce ?? Number.NaN, 5);
    });
  });
}

describe('a captioner', () => {
  beforeAll(useTestBackend);
  const images = tensor(
    Float32Array.from({ length: 2 * 3 * 8 * 8 }, (_, k) => Math.sin(k)),
    { shape: [2, 3, 8, 8] },
  );
  const ids = (...rows: number[][]) => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, 5] });

  it.each([{ kind: 'prefix' }, { kind: 'gated', latents: 2 }] as const)(
    'does not look at later words (%s)',
    async (reader) => {
      manualSeed(3);
      const model = new Captioner({
        vision: { imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2 },
        text: { contextLength: 5, vocabularySize: 9, width: 12, layers: 2, heads: 3 },
        reader,
      });
      for (const parameter of model.parameters()) parameter.assign(parameter.add(0.1));
      const logits = async (...rows: number[][]) => {
        const values = await model.forward(images, ids(...rows)).data();
        return Array.from({ length: 10 }, (_, place) => [...values.subarray(place * 9, (place + 1) * 9)]);
      };
      const first = await logits([7, 1, 2, 3, 8], [7, 4, 8, 0, 0]);
      const changed = await logits([7, 1, 2, 5, 8], [7, 4, 8, 0, 0]);
      for (const [place, own] of first.entries())
        if (place === 3 || place === 4) expect(changed[place]).not.toEqual(own);
        else expect(changed[place]).toEqual(own);
    },
  );

  it('is measured by the tokens after the start, the end included, without the padding', async () => {
    const logits = tensor(
      Float32Array.from({ length: 2 * 5 * 4 }, (_, k) => Math.cos(k)),
      { shape: [2, 5, 4] },
    );
    const captions = [
      [2, 1, 0, 3, 0],
      [2, 3, 0, 0, 0],
    ];
    const { nats, tokens } = captionLikelihood(logits, ids(...captions));
    expect([...(await tokens.data())]).toEqual([3, 1]);
    const values = Array.from(await logits.data(), Number);
    const expected = captions.map((own, row) =>
      own.slice(1, own.indexOf(3) + 1).reduce((sum, id, place) => {
        const scores = values.slice((row * 5 + place) * 4, (row * 5 + place + 1) * 4);
        const total = scores.reduce((all, score) => all + Math.exp(score), 0);
        return sum + Math.log(total) - (scores[id] ?? Number.NaN);
      }, 0),
    );
    for (const [row, value] of [...(await nats.data())].entries()) expect(value).toBeCloseTo(expected[row] ?? 0, 5);
  });
});
