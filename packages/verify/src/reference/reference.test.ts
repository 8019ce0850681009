/** Reference cases, the entries of layers, and the runner's errors. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relativeError } from '@tessera/autograd';
import * as nn from '@tessera/nn';
import { layerCase } from '@tessera/nn/cases';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { parseSafetensors, serializeSafetensors } from '@tessera/tensor/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gradcheckCases } from '../gradcheck/index.ts';
import { layerCases, registerLayers } from '../layers.ts';
import { findCases, readCase } from './case.ts';
import { referenceManifest, runReferenceCase, runReferenceCases } from './index.ts';

const directory = fileURLToPath(new URL('../../reference-cases/', import.meta.url));
const modelCases = fileURLToPath(new URL('../../../models/reference/', import.meta.url));
const cases = await findCases([directory, modelCases]);

registerReferenceBackends();

/** The module of a case of gradcheck. */
const moduleOf = (name: string): string => name.replace(/,.*/, '');

/** The oracle runs the training runs too, but takes twenty seconds for them. */
const single = cases.filter(({ name }) => !name.startsWith('train-'));

describe.each([
  { backend: 'reference', chosen: single },
  { backend: 'wasm', chosen: cases },
])('PyTorch agrees with $backend', ({ backend, chosen }) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  test.each(chosen)('$name', async (found) => {
    const report = await runReferenceCase(found.directory);
    expect(report).toMatchObject({ holds: true });
    expect(report.outputs.at).not.toBeNull();
  });
});

test('every case that an entry declares for PyTorch is there, with its arguments', async () => {
  const read = await Promise.all(cases.map(({ directory: folder }) => readCase(folder)));
  const found = new Map(read.map((reference) => [reference.name, reference]));
  for (const { name, module, config, mode, dtype, outputs } of referenceManifest(layerCases))
    expect(found.get(name)).toMatchObject({ module, config, mode, dtype, outputs });
});

test('every layer of nn has an entry', () => {
  // The entry of Activation has a case for every activation of the table.
  const isLayer = (value: unknown): boolean =>
    typeof value === 'function' && value.prototype instanceof nn.Module && !(value.prototype instanceof nn.Activation);
  // A parametrization computes the weight of a layer.
  const layers = Object.entries(nn).flatMap(([name, value]) =>
    isLayer(value) && value !== nn.Parametrization ? [name] : [],
  );
  const names = new Set(layerCases.map(({ name }) => name));
  expect(layers.filter((name) => !names.has(name))).toEqual([]);
  expect(layers.length).toBeGreaterThan(15);
});

test('every entry is checked by a reference case or by gradcheck', async () => {
  const read = await Promise.all(cases.map(({ directory: folder }) => readCase(folder)));
  const checked = new Set([...read.map(({ module }) => module), ...Object.keys(gradcheckCases).map(moduleOf)]);
  expect(layerCases.map(({ name }) => name).filter((name) => !checked.has(name))).toEqual([]);
});

describe('the runner', () => {
  let folder = '';
  beforeAll(async () => {
    setDefaultBackend('reference');
    folder = await fs.mkdtemp(join(tmpdir(), 'tessera-reference-'));
  });
  afterAll(() => fs.rm(folder, { recursive: true }));

  /** A copy of the case `linear`, changed. */
  async function changed(
    name: string,
    json: Record<string, unknown> = {},
    tensors: (values: Map<string, Float32Array>) => void = () => {},
  ): Promise<string> {
    const target = join(folder, name);
    await fs.cp(join(directory, 'linear'), target, { recursive: true });
    const file = join(target, 'case.json');
    await fs.writeFile(file, JSON.stringify({ ...JSON.parse(await fs.readFile(file, 'utf8')), ...json }));
    const data = join(target, 'tensors.safetensors');
    const parsed = parseSafetensors(await fs.readFile(data)).tensors;
    const values = new Map([...parsed].map(([key, { data }]) => [key, data as Float32Array]));
    tensors(values);
    const kept = [...parsed].filter(([key]) => values.has(key));
    await fs.writeFile(data, serializeSafetensors(kept.map(([key, value]) => ({ ...value, name: key }))));
    return target;
  }
  const bump = (key: string) => (values: Map<string, Float32Array>) => {
    values.get(key)?.forEach((value, i, array) => {
      if (i === 0) array[i] = value + 0.01;
    });
  };

  test.each([
    ['output/out', 'outputs', 'out'],
    ['grad/param/weight', 'gradients', 'param/weight'],
    ['grad/input/x', 'gradients', 'input/x'],
  ] as const)('notices a changed %s', async (key, part, at) => {
    const report = await runReferenceCase(await changed(`bump-${at.replace('/', '-')}`, {}, bump(key)));
    expect(report.holds).toBe(false);
    expect(report[part]).toMatchObject({ holds: false, at });
  });

  test('notices changed running statistics', async () => {
    const target = join(folder, 'statistics');
    await fs.cp(join(directory, 'batchnorm2d-train'), target, { recursive: true });
    const file = join(target, 'tensors.safetensors');
    const { tensors } = parseSafetensors(await fs.readFile(file));
    bump('after/buffer/running_var')(new Map([...tensors].map(([key, { data }]) => [key, data as Float32Array])));
    await fs.writeFile(file, serializeSafetensors([...tensors].map(([name, value]) => ({ ...value, name }))));
    expect((await runReferenceCase(target)).state).toMatchObject({ holds: false, at: 'running_var' });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['an unknown module', { module: 'Liner' }, "module 'Liner' is not registered (did you mean 'Linear'?)"],
    ['a missing argument', { config: { in_features: 7 } }, "config: 'out_features' is missing"],
    [
      'an argument that nothing reads',
      { config: { in_features: 7, out_features: 5, device: 'cpu' } },
      'config: unknown arguments: device',
    ],
    [
      'an argument of the wrong type',
      { config: { in_features: '7' } },
      'config: \'in_features\' must be a number, got "7"',
    ],
    ['another size', { config: { in_features: 8, out_features: 5 } }, 'shape: weight is [5, 8] in the module'],
    ['an unknown mode', { mode: 'test' }, '\'mode\' must be one of train, eval, got "test"'],
    ['an unknown kind', { kind: 'movie' }, '\'kind\' can only be "trajectory"'],
  ])('reports %s', async (name, json, message) => {
    await expect(changed(name.replaceAll(' ', '-'), json).then((path) => runReferenceCase(path))).rejects.toThrow(
      message,
    );
  });

  test('reports numbers that are not there', async () => {
    const target = await changed('gone', {}, (values) => values.delete('cotangent/out'));
    await expect(runReferenceCase(target)).rejects.toThrow("tensors.safetensors has no 'cotangent/out'");
    await fs.truncate(join(target, 'tensors.safetensors'), 100);
    await expect(runReferenceCase(target)).rejects.toThrow(/gone.tensors\.safetensors: safetensors: .*cut off/);
    await fs.rm(join(target, 'tensors.safetensors'));
    await expect(runReferenceCase(target)).rejects.toThrow(/tensors\.safetensors: ENOENT/);
  });

  test('goes on after a broken case', async () => {
    const root = join(folder, 'several');
    for (const name of ['a-broken', 'b-whole'])
      await fs.cp(join(directory, 'linear'), join(root, name), { recursive: true });
    await fs.writeFile(join(root, 'a-broken', 'case.json'), '{');
    const seen: string[] = [];
    const reports = await runReferenceCases([root], { onCase: ({ name }) => seen.push(name) });
    expect(reports.map(({ holds }) => holds)).toEqual([false, true]);
    expect(reports[0]).toMatchObject({ name: 'a-broken', error: expect.stringContaining('case.json') });
    expect(seen).toEqual(['a-broken', 'b-whole']);
  });

  test('refuses directories without cases', async () => {
    await expect(runReferenceCases([join(folder, 'nowhere')])).rejects.toThrow('nowhere is not a directory');
    await fs.mkdir(join(folder, 'empty'));
    await expect(runReferenceCases([join(folder, 'empty')])).rejects.toThrow('no case.json below');
  });

  test('runs layers that were registered', async () => {
    registerLayers([
      layerCase({
        name: 'HalfLinear',
        build: (config) => new nn.Linear(config.number('in_features'), config.number('out_features')),
        forward: (module, _, x) => ({ out: module.forward(x).mul(0.5) }),
      }),
    ]);
    const report = await runReferenceCase(
      await changed('own', { module: 'HalfLinear', config: { in_features: 7, out_features: 5 } }),
    );
    expect(report.outputs.error).toBeGreaterThan(0.1);
  });
});

test('the error has a floor, and does not overlook NaN', () => {
  expect(relativeError([1.5, 2], [1, 2])).toBe(0.25);
  expect(relativeError([1e-5], [0])).toBeCloseTo(1e-3);
  expect(relativeError([Number.NaN], [1])).toBe(Number.POSITIVE_INFINITY);
  const special = [Number.NaN, Number.POSITIVE_INFINITY, 2];
  expect(relativeError(special, special)).toBe(0);
  expect(relativeError([0, 0, 2], special)).toBe(Number.POSITIVE_INFINITY);
  expect(relativeError([Number.NaN, Number.POSITIVE_INFINITY, 1], special)).toBe(0.5);
});
