/** The runner of PyTorch's tests: that it finds what differs. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultBackend, tensor } from '@tessera/tensor';
import { type SafetensorsEntry, serializeSafetensors } from '@tessera/tensor/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Adapters, unsupported } from './adapters/call.ts';
import type { TorchCase } from './case-files.ts';
import { chooseCases, writeChosenCases } from './choose.ts';
import { compareValues } from './compare.ts';
import { knownDifferences } from './known.ts';
import { layouts, tensorIn } from './layouts.ts';
import { runTorchSuite, unsupportedCount } from './runner.ts';

let folder = '';
beforeAll(async () => {
  setDefaultBackend('wasm');
  folder = await fs.mkdtemp(join(tmpdir(), 'tessera-torchsuite-'));
});
afterAll(() => fs.rm(folder, { recursive: true }));

const entry = (name: string, values: number[], shape: number[] = [values.length]): SafetensorsEntry => ({
  name,
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});

const tensors = [
  entry('x', [1, 2]),
  entry('w', [10, 1]),
  entry('squares', [1, 4]),
  entry('slopes', [20, 4]),
  entry('wrong', [1, 5]),
  entry('other shape', [1, 4], [1, 2]),
  entry('ones', [1, 1]),
  entry('curvature', [20, 2]),
];

const square = (id: string, out: string, more: Partial<TorchCase> = {}): TorchCase => ({
  id,
  op: 'square',
  dtype: 'f32',
  args: [{ t: 'x' }],
  out: [out],
  ...more,
});
const slopes = { wrt: ['x'], cot: ['w'], grad: ['slopes'] };

const cases: TorchCase[] = [
  square('right', 'squares', { ...slopes, grad2: ['curvature'], v: ['ones'] }),
  square('wrong', 'wrong'),
  square('wrong gradient', 'squares', { ...slopes, grad: ['squares'] }),
  square('shape', 'other shape'),
  square('right in f64', 'wrong', { alt: { out: ['squares'] } }),
  { id: 'refused', op: 'refuses', dtype: '', args: [{ t: 'x' }], error: 'no' },
  { id: 'not refused', op: 'square', dtype: '', args: [{ t: 'x' }], error: 'no' },
  { id: 'unclear', op: 'broken', dtype: '', args: [{ t: 'x' }], error: 'no' },
  { id: 'unknown', op: 'no such operation', dtype: 'f32', args: [], out: [] },
  { id: 'form', op: 'partial', dtype: 'f32', args: [], out: [] },
];

const adapters: Adapters = {
  square: ([x]) => x.square(),
  refuses: () => {
    throw new RangeError('refuses: this is no good');
  },
  broken: (args) => args[7].square(),
  partial: () => unsupported('that form'),
};

async function writeFamily(directory: string): Promise<string> {
  await fs.mkdir(directory, { recursive: true });
  await fs.writeFile(join(directory, 'squares.json'), JSON.stringify({ family: 'squares', cases }));
  await fs.writeFile(join(directory, 'squares.safetensors'), serializeSafetensors(tensors));
  return directory;
}

describe('the runner', () => {
  test.each([
    { compiled: false, layout: 'plain' },
    { compiled: true, layout: 'permuted' },
    { compiled: false, layout: 'sliced' },
  ] as const)('reports every kind of difference: %j', async (options) => {
    const directory = await writeFamily(join(folder, 'family'));
    const { problems, total } = await runTorchSuite(directory, { adapters, ...options });
    expect(problems.map(({ id, what, kind }) => `${id}: ${what} ${kind}`)).toEqual([
      'wrong: out0 value',
      'wrong gradient: grad0 value',
      'shape: out0 shape',
      'not refused: error not refused',
      'unclear: error unclear refusal',
    ]);
    expect(problems[0]).toMatchObject({ detail: '[1] 4 instead of 5', args: '["f32[2]{1,2}"] {}' });
    expect(total).toMatchObject({ cases: 10, passed: 3, failed: 5, refused: 0 });
    expect(unsupportedCount(total)).toBe(2);
  });

  test('does not count what is known, and runs only what is asked for', async () => {
    const directory = await writeFamily(join(folder, 'family'));
    const known = knownDifferences(['^wrong out0 value$', '^never']);
    const { problems, knownCases, total } = await runTorchSuite(directory, { adapters, known, dtypes: ['f32'] });
    expect(problems.map(({ id }) => id)).toEqual(['wrong gradient', 'shape']);
    expect([knownCases, total.passed]).toEqual([1, 3]);
    expect(known.unused()).toEqual(['^never']);
    expect((await runTorchSuite(directory, { adapters, only: /^circles$/ })).total.cases).toBe(0);
    await expect(runTorchSuite(folder, { adapters })).rejects.toThrow('has no case files');
  });
});

test('the smallest case of every form is chosen, and runs compressed', async () => {
  const stored = new Map([...tensors, entry('large', [1, 2, 3])].map((value) => [value.name, value]));
  const large = square('large', 'squares', { args: [{ t: 'large' }] });
  expect(chooseCases([large, ...cases], stored, 100).map(({ id }) => id)).not.toContain('large');
  const directory = await writeFamily(join(folder, 'all'));
  const target = join(folder, 'chosen');
  expect((await writeChosenCases(directory, target)).cases).toBe(6);
  expect((await runTorchSuite(target, { adapters, only: /^squares$/ })).total.cases).toBe(6);
});

test.each(layouts)('the layout %s has the same values', async (layout) => {
  const values = Float32Array.from({ length: 24 }, (_, k) => k);
  const x = tensorIn(layout, values, [2, 3, 4], 'f32');
  expect(x.shape).toEqual([2, 3, 4]);
  expect(await x.data()).toEqual(values);
  expect((await tensorIn(layout, Float32Array.of(5), [], 'f32').data())[0]).toBe(5);
  expect((await tensor([]).data()).length).toBe(0);
});

describe('a comparison', () => {
  test.each<[string, number[], number[], string, string, boolean, string | null]>([
    ['equal', [1, Number.NaN, Infinity], [1, Number.NaN, Infinity], 'f32', 'add', false, null],
    ['within rounding', [1.000001], [1], 'f32', 'add', false, null],
    ['small elements of an element-wise operation', [1000, 1e-3], [1000, 2e-3], 'f32', 'add', false, 'value'],
    ['small elements of a sum', [1000, 1e-3], [1000, 2e-3], 'f32', 'sum', false, null],
    ['double precision', [1.000001], [1], 'f64', 'add', false, 'value'],
    ['NaN', [Number.NaN], [1], 'f32', 'add', false, 'nan'],
    ['infinity', [1], [Infinity], 'f32', 'add', false, 'inf'],
    ['the sign of zero', [-0], [0], 'f32', 'add', false, null],
    ['the sign of zero, bit by bit', [-0], [0], 'f32', 'neg', true, 'signed zero'],
    ['bit by bit', [1.0000001], [1], 'f32', 'neg', true, 'value'],
    ['integers', [3], [4], 'i32', 'add', false, 'value'],
    ['length', [3], [3, 3], 'i32', 'add', false, 'size'],
    ['statistics', [0.001, 1.01, -3, 3.1], [0, 1, -3.1, 3], 'statistics', 'init', false, null],
    ['other statistics', [0.1, 1, -3, 3], [0, 1, -3, 3], 'statistics', 'init', false, 'value'],
  ])('%s', (_, got, want, kind, op, bits, expected) => {
    expect(compareValues(got, want, kind, op, bits)?.kind ?? null).toBe(expected);
  });
});
