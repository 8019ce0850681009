/** Measures of a split: averages, quotients and examples. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, openDataset, usualColumns } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { Linear } from '@tessera/nn';
import { tensor } from '@tessera/tensor';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderReport } from '../../report/render.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { resultHighlights, resultSections, resultTables, summarizeResults } from '../result.ts';
import { evaluateMeasures, type MeasuresResult } from './evaluate.ts';

let root: string;
let dataset: Dataset;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'measures-'));
  await writeTinyDataset(join(root, 'data'));
  dataset = await openDataset(join(root, 'data'));
});
afterAll(async () => {
  dataset.close();
  await fs.rm(root, { recursive: true });
});

const { image, label } = usualColumns;
const imageSize = 16;

/** The label of each row, and how many rows of class 0 are in an even place, of 12 rows in batches of 5. */
const measure = (limit: number | null = null): Promise<MeasuresResult> =>
  evaluateMeasures(
    dataset.split('test'),
    { columns: { image, label }, imageSize, batchSize: 5, strict: true, workers: 0, limit },
    {
      model: new Linear(1, 1),
      looks: { label: { label: 'mean label', format: 'number' }, zeros: { label: 'zeros', format: 'percent' } },
      toTensors: ({ columns }) => ({ labels: tensor(columns.label) }),
      measure: ({ labels }) => ({ label: labels, zeros: { sum: labels.eq(0), of: labels.lt(2) } }),
      note: 'rows',
      examples: async ({ columns, indices }, _, rows) =>
        rows.map((row) => ({
          pixels: columns.image.slice(row * imageSize ** 2 * 3, (row + 1) * imageSize ** 2 * 3),
          height: imageSize,
          width: imageSize,
          lines: [`row ${indices[row]}`],
          right: row % 2 === 0,
        })),
    },
    3,
  );

it('averages over all examples, whatever the size of the last batch, and takes quotients of sums', async () => {
  const { values, count, skipped, split } = await measure();
  expect({ count, skipped, split }).toEqual({ count: 12, skipped: 0, split: 'test' });
  // Labels 0, 1, 2 in turn.
  expect(values).toEqual({ label: 1, zeros: 0.5 });
  expect((await measure(4)).count).toBe(4);
});

it('shows examples from all over the split, in the report and in a picture', async () => {
  const result = await measure();
  expect(result.examples.map(({ lines }) => lines[0])).toEqual(['row 0', 'row 4', 'row 8']);
  await result.kind.writeSamples(result, root);
  expect(await sharp(join(root, 'examples-test.png')).metadata()).toMatchObject({ width: 6 * 17 + 1, height: 18 });
  expect(JSON.parse(await fs.readFile(join(root, 'examples-test.json'), 'utf8'))[1]).toEqual({
    lines: ['row 4'],
    right: true,
  });
  const page = renderReport({
    ...{ title: 'x', summary: {}, config: {}, environment: {}, records: [] },
    highlights: resultHighlights([result]),
    sections: await resultSections([result]),
  });
  expect(page).toContain('<h2>Evaluation: test</h2>');
  expect(page.match(/data:image\/png/g)).toHaveLength(3);
  expect(page).toContain('row 8');
});

it('is a table and a line of JSON', async () => {
  const results = [await measure()];
  expect(resultTables(results)).toEqual([
    { headings: ['split', 'images', 'mean label', 'zeros'], rows: [['test', '12', '1.0000', '50.00 %']] },
  ]);
  expect(summarizeResults(results)).toEqual({
    measures: [{ split: 'test', count: 12, values: { label: 1, zeros: 0.5 }, skipped: 0 }],
  });
});
