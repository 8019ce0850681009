/** Explanations of cases that do not hold in f32. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad } from '@tessera/autograd';
import * as nn from '@tessera/nn';
import { layerCase } from '@tessera/nn/cases';
import {
  getBackend,
  isGraphOracle,
  ReferenceBackend,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';
import { type SafetensorsEntry, serializeSafetensors } from '@tessera/tensor/safetensors';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registerLayers } from '../layers.ts';
import { runReferenceCase } from './index.ts';

registerReferenceBackends();

const [units, width] = [100, 64];

/** A hundred ReLU activations of sums of 64 products, between two products of matrices. */
class Activations extends nn.Module {
  readonly proj = new nn.Linear(width, units);
  readonly act = new nn.ReLU();
  readonly out = new nn.Linear(units, 4);

  forward(x: Tensor): Tensor {
    return this.out.forward(this.act.forward(this.proj.forward(x)));
  }
}

/** exp(x + 10000 - 10000). */
class Cancelling extends nn.Module {
  readonly weight = new nn.Parameter(tensor([1, 1, 1]));

  forward(x: Tensor): Tensor {
    return x.mul(this.weight).add(1e4).contiguous().sub(1e4).exp();
  }
}

class Squashed extends nn.Module {
  readonly first = new nn.Linear(3, 3);
  readonly act = new nn.Tanh();

  forward(x: Tensor): Tensor {
    return this.act.forward(this.first.forward(x));
  }
}

const modules = { Activations, Cancelling, Squashed };

registerLayers(
  Object.entries(modules).map(([name, Class]) =>
    layerCase({ name, build: () => new Class(), forward: (module, _, x) => ({ out: module.forward(x) }) }),
  ),
);

let folder = '';
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'tessera-explain-'));
});
beforeEach(() => {
  setDefaultBackend('wasm');
});
afterAll(async () => {
  setDefaultBackend('reference');
  await fs.rm(folder, { recursive: true });
});

type Values = Record<string, { shape: number[]; data: Float32Array }>;

const random = (seed: number) => {
  let state = seed;
  return (shape: number[], scale = 1): { shape: number[]; data: Float32Array } => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((p, n) => p * n, 1) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state / 2 ** 31 - 1) * scale;
    }),
  });
};

/** Writes a case whose numbers are those of f64, rounded to f32. */
async function writeCase(
  name: keyof typeof modules,
  given: Values,
  change: (tensors: SafetensorsEntry[]) => void = () => {},
): Promise<string> {
  setDefaultBackend('reference');
  const module = nn.init.skipInit(() => new modules[name]()).to('f64');
  const wide = (key: string): Tensor => {
    const { shape, data } = given[key] as Values[string];
    return tensor(Float64Array.from(data), { shape });
  };
  const below = (prefix: string): string[] => Object.keys(given).filter((key) => key.startsWith(prefix));
  module.loadStateDict(new Map(below('param/').map((key) => [key.slice(6), wide(key)])));
  const x = wide('input/x');
  const out = module.forward(x);
  const loss = out.mul(wide('cotangent/out')).sum();
  const parameters = module.namedParameters();
  const gradients = grad(loss, [x, ...parameters.map(([, parameter]) => parameter)]);
  const entries: SafetensorsEntry[] = Object.entries(given).map(([key, { shape, data }]) => ({
    name: key,
    dtype: 'F32',
    shape,
    data,
  }));
  const add = async (key: string, value: Tensor): Promise<void> => {
    entries.push({ name: key, dtype: 'F32', shape: value.shape, data: Float32Array.from(await value.data()) });
  };
  await add('output/out', out);
  for (const [k, gradient] of gradients.entries())
    await add(`grad/${k === 0 ? 'input/x' : `param/${parameters[k - 1]?.[0]}`}`, gradient);
  change(entries);
  const target = join(folder, `${name}-${Math.random()}`);
  await fs.mkdir(target);
  const json = { module: name, config: {}, mode: 'train', dtype: 'f32', inputs: ['x'], outputs: ['out'] };
  await fs.writeFile(join(target, 'case.json'), JSON.stringify(json));
  await fs.writeFile(join(target, 'tensors.safetensors'), serializeSafetensors(entries));
  setDefaultBackend('wasm');
  return target;
}

const squashed = (): Values => {
  const draw = random(3);
  return {
    'param/first.weight': draw([3, 3]),
    'param/first.bias': draw([3]),
    'input/x': draw([2, 3]),
    'cotangent/out': draw([2, 3]),
  };
};

describe('a case that holds in f64', () => {
  test('one of a hundred activations crosses the kink of ReLU', async () => {
    const draw = random(1);
    const values: Values = {
      'param/proj.weight': draw([units, width]),
      'param/proj.bias': draw([units]),
      'param/out.weight': draw([4, units]),
      'param/out.bias': draw([4]),
      'input/x': draw([1, width], 3),
      'cotangent/out': draw([1, 4]),
    };
    // A bias that cancels the sum up to rounding: of all units, take the first whose sign then differs.
    const weight = values['param/proj.weight']?.data as Float32Array;
    const bias = values['param/proj.bias']?.data as Float32Array;
    const x = values['input/x']?.data as Float32Array;
    const { shape } = values['param/proj.weight'] as Values[string];
    const inSingle = await tensor(x).matmul(tensor(weight, { shape }).transpose(0, 1)).data();
    const unit = Array.from({ length: units }, (_, k) => k).find((k) => {
      const exact = x.reduce((sum, value, i) => sum + value * (weight[k * width + i] as number), 0);
      const rounded = inSingle[k] as number;
      const near = Math.fround(-(exact + rounded) / 2);
      if ((exact + near) * (rounded + near) >= 0) return false;
      bias[k] = near;
      return true;
    });
    expect(unit).toBeDefined();

    const report = await runReferenceCase(await writeCase('Activations', values));
    expect(report.holds).toBe(false);
    expect(report.outputs.holds).toBe(true);
    expect(report.gradients.error).toBeGreaterThan(1e-3);
    expect(report.explanation).toMatchObject({ kind: 'kink', isExcuse: true });
    expect(report.explanation?.lines).toEqual([
      'The case holds in f64, computed by the oracle.',
      'Every operation is right for the inputs that it has in f32.',
      'One unit is on different sides of a kink, so that derivatives jump:',
      expect.stringMatching(
        new RegExp(
          `^ {2}act: max at \\[0, ${unit}\\]: (-?[0-9.]+e-[678] in f64 and|0\\.0e\\+0 in f64 and) -?[0-9.]+e[-+][0-9]+ in f32, among values up to `,
        ),
      ),
    ]);
  });

  test('an operation magnifies the rounding of its inputs', async () => {
    const draw = random(2);
    const values = { 'param/weight': draw([3]), 'input/x': draw([2, 3]), 'cotangent/out': draw([2, 3]) };
    const report = await runReferenceCase(await writeCase('Cancelling', values));
    expect(report).toMatchObject({ holds: false, explanation: { kind: 'conditioning', isExcuse: true } });
    expect(report.explanation?.lines[2]).toMatch(
      /^add is ill-conditioned: it magnifies relative errors \d{5} times, from 6\.0e-8 to \d\.\de-4$/,
    );
  });

  test('an operation of the backend is wrong', async () => {
    const values = squashed();
    const target = await writeCase('Squashed', values);
    class Faulty extends ReferenceBackend {
      override readonly interpret: NonNullable<ReferenceBackend['interpret']> = (roots, read) => {
        const oracle = getBackend('reference');
        if (!isGraphOracle(oracle)) throw new Error('the oracle is needed');
        return oracle.interpret(roots, read).map((value, k) => {
          const node = roots[k];
          return node?.op === 'unary' && node.arg.kind === 'tanh' ? value.map((y) => y * 1.001) : value;
        });
      };
    }
    registerBackend('faulty', () => new Faulty('faulty', {}));
    setDefaultBackend('faulty');
    const report = await runReferenceCase(target);
    expect(report).toMatchObject({ holds: false, explanation: { kind: 'operation', isExcuse: false } });
    expect(report.explanation?.lines[1]).toMatch(
      /^act: tanh is the first operation that is wrong in f32: off by 1\.0e-3, /,
    );
  });
});

describe('a case that does not hold in f64 either', () => {
  const entryOf = (entries: SafetensorsEntry[], name: string): Float32Array =>
    entries.find((entry) => entry.name === name)?.data as Float32Array;

  test('the first gradient that differs is named', async () => {
    const target = await writeCase('Squashed', squashed(), (entries) => {
      entryOf(entries, 'grad/param/first.bias')[1] = 5;
      entryOf(entries, 'grad/input/x')[1] = 5;
    });
    const { explanation } = await runReferenceCase(target);
    expect(explanation).toMatchObject({ kind: 'layer', isExcuse: false });
    expect(explanation?.lines).toEqual([
      'The case does not hold in f64 either.',
      expect.stringContaining(
        'The outputs agree. Backward, from the outputs on, the first difference is in the gradient of param/first.bias',
      ),
    ]);
  });

  test('the first layer that differs is named, where the case has the outputs of layers', async () => {
    const addLayers = (entries: SafetensorsEntry[], first: number): void => {
      const data = Float32Array.from({ length: 6 }, () => first);
      entries.push({ name: 'layer/first', dtype: 'F32', shape: [2, 3], data });
      entryOf(entries, 'output/out')[0] = 3;
    };
    const target = await writeCase('Squashed', squashed(), (entries) => addLayers(entries, 7));
    expect((await runReferenceCase(target)).explanation?.lines[1]).toMatch(
      /^Forward, first is the first layer whose output differs, by /,
    );
    const bare = await writeCase('Squashed', squashed(), (entries) => {
      entryOf(entries, 'output/out')[0] = 3;
    });
    expect((await runReferenceCase(bare)).explanation?.lines[1]).toContain("Forward, output 'out' differs by ");
  });
});
