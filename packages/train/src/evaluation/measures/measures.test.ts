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

it('counts the decisions between classes', async () => {
  const result = await evaluateMeasures(
    dataset.split('test'),
    { columns: { image, label }, imageSize, batchSize: 5, strict: true, workers: 0, limit: null },
    {
      model: new Linear(1, 1),
      looks: { label: { label: 'mean label', format: 'number' } },
      toTensors: ({ columns }) => ({ labels: tensor(columns.label) }),
      measure: ({ labels }) => ({ label: labels }),
      // Classes 0, 1, 2 in turn, four times each: 2 is taken for 1, and no decision for 0 is accepted.
      classes: {
        names: ['a', 'b', 'c'],
        counted: 'rows',
        overlap: true,
        decide: ({ labels }) => ({ truth: labels, prediction: labels.minimum(1), accepted: labels.gt(0) }),
      },
      note: 'rows',
      examples: async () => [],
    },
  );
  expect(result.values).toEqual({
    label: 1,
    balancedAccuracy: 1 / 3,
    f1Macro: expect.closeTo(2 / 3 / 3, 14),
    meanIoU: expect.closeTo((0 + 4 / 8 + 0) / 3, 14),
  });
  expect(resultTables([result])).toEqual([
    {
      headings: ['split', 'images', 'mean label', 'balanced accuracy', 'macro F1', 'mean IoU'],
      rows: [['test', '12', '1.0000', '33.33 %', '22.22 %', '16.67 %']],
      notes: ['IoU, test:', '  b 50.00 %, a 0.00 %, c 0.00 %'],
    },
  ]);
  const stored = summarizeResults([result]) as { measures: [{ perClass: unknown; micro: unknown }] };
  expect(stored.measures[0]).toMatchObject({
    classNames: ['a', 'b', 'c'],
    micro: { precision: 4 / 12, recall: 4 / 12, f1: 4 / 12 },
    perClass: [
      { precision: 0, recall: 0, f1: 0, support: 4, iou: 0 },
      { precision: 4 / 8, recall: 1, f1: 2 / 3, support: 4, iou: 4 / 8 },
      { precision: 0, recall: 0, f1: 0, support: 4, iou: 0 },
    ],
  });
  const [section] = await resultSections([result]);
  expect(section?.html.text).toContain('<th scope="row">b</th><td>4</td>');
});

it('is a table and a line of JSON', async () => {
  const results = [await measure()];
  expect(resultTables(results)).toEqual([
    { headings: ['split', 'images', 'mean label', 'zeros'], rows: [['test', '12', '1.0000', '50.00 %']], notes: [] },
  ]);
  expect(summarizeResults(results)).toEqual({
    measures: [{ split: 'test', count: 12, values: { label: 1, zeros: 0.5 }, skipped: 0 }],
  });
});
