/** Low-rank adapters: their arithmetic, what is trained, merging and saving. */
import { backward } from '@tessera/autograd';
import {
  Generator,
  manualSeed,
  randn,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
} from '@tessera/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { MultiheadAttention } from '../layers/attention/multihead-attention.ts';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { addLora, loraStateDict, mergeLora, removeLora } from './lora.ts';

registerReferenceBackends();
setDefaultBackend('reference');
beforeEach(() => {
  manualSeed(3);
});

const generator = new Generator(7);
const random = (...shape: number[]): Tensor => randn(shape, { generator });

const model = () => new Sequential(new Linear(6, 5), new Linear(5, 4, { bias: false }));

/** Gives every B values, as training would. */
function fillB(module: Sequential): void {
  for (const [name, parameter] of module.namedParameters())
    if (name.endsWith('lora_B')) parameter.assign(random(...parameter.shape));
}

const values = (x: Tensor): number[] => [...x.dataSync()];

function expectClose(got: Tensor, want: Tensor): void {
  const expected = values(want);
  for (const [k, value] of values(got).entries()) expect(value).toBeCloseTo(expected[k] as number, 5);
}

describe('addLora', () => {
  it('changes nothing at first, and trains only the adapters', () => {
    const module = model();
    const x = random(2, 6);
    const before = values(module.forward(x));
    expect(addLora(module, { rank: 2 })).toEqual(['0.weight', '1.weight']);
    expect(values(module.forward(x))).toEqual(before);
    expect(
      module
        .namedParameters()
        .filter(([, parameter]) => parameter.requiresGrad)
        .map(([name, { shape }]) => `${name} ${shape}`),
    ).toEqual([
      '0.parametrizations.weight.lora_A 2,6',
      '0.parametrizations.weight.lora_B 5,2',
      '1.parametrizations.weight.lora_A 2,5',
      '1.parametrizations.weight.lora_B 4,2',
    ]);
  });

  it('adds (alpha / rank) B A to the weight', () => {
    const module = model();
    const first = module.get('0') as Linear;
    const weight = values(first.weight);
    addLora(module, { rank: 2, alpha: 3, targets: ['0.weight'] });
    fillB(module);
    const state = module.stateDict();
    const [a, b] = ['lora_A', 'lora_B'].map((name) => values(state.get(`0.parametrizations.weight.${name}`) as Tensor));
    const product = (row: number, column: number): number =>
      [0, 1].reduce(
        (sum, r) => sum + ((b as number[])[row * 2 + r] as number) * ((a as number[])[r * 6 + column] as number),
        0,
      );
    for (const [k, value] of values(first.weight).entries())
      expect(value).toBeCloseTo((weight[k] as number) + 1.5 * product(Math.floor(k / 6), k % 6), 5);
  });

  it('has the gradients dL/dB = (alpha / r) dL/dW A^T and dL/dA = (alpha / r) B^T dL/dW', () => {
    const module = model();
    addLora(module, { rank: 2, alpha: 3, targets: ['1.weight'] });
    fillB(module);
    const x = random(3, 6);
    const weight = (module.get('1') as Linear).weight as Tensor;
    const plain = new Sequential(new Linear(6, 5), new Linear(5, 4, { bias: false }));
    const state = module.stateDict();
    plain.loadStateDict({
      '0.weight': state.get('0.weight') as Tensor,
      '0.bias': state.get('0.bias') as Tensor,
      '1.weight': weight,
    });
    for (const each of [module, plain]) backward(each.forward(x).square().sum());
    const slopeOfWeight = (plain.get('1') as Linear).weight.grad as Tensor;
    const got = new Map(module.namedParameters().map(([name, { grad }]) => [name, grad]));
    const [a, b] = ['lora_A', 'lora_B'].map((name) => `1.parametrizations.weight.${name}`) as [string, string];
    expectClose(got.get(b) as Tensor, slopeOfWeight.matmul((state.get(a) as Tensor).transpose()).mul(1.5));
    expectClose(got.get(a) as Tensor, (state.get(b) as Tensor).transpose().matmul(slopeOfWeight).mul(1.5));
    expect(got.get('1.parametrizations.weight.original')).toBe(null);
  });

  it('adapts the projections of attention', () => {
    const attention = new MultiheadAttention(8, 2);
    expect(addLora(attention, { rank: 1, targets: ['*in_proj_weight', 'out_proj.weight'] })).toEqual([
      'in_proj_weight',
      'out_proj.weight',
    ]);
    const x = random(3, 2, 8);
    expect(attention.forward(x, x, x).shape).toEqual([3, 2, 8]);
  });

  it('refuses what cannot be adapted', () => {
    expect(() => addLora(model(), { rank: 1.5 })).toThrow('addLora: rank must be a whole number from 1 on, got 1.5');
    expect(() => addLora(model(), { rank: 5 })).toThrow(
      'addLora: a rank of 5 is larger than a side of 1.weight, which is [4, 5]',
    );
    expect(() => addLora(model(), { rank: 2, targets: ['0.bias'] })).toThrow('addLora: 0.bias is [5]; only weights');
    expect(() => addLora(model(), { rank: 2, targets: ['2.weight'] })).toThrow("no parameter matches '2.weight'");
    const unchanged = model();
    expect(() => addLora(unchanged, { rank: 2, targets: ['0.bias'] })).toThrow();
    expect(unchanged.trainableParameters()).toHaveLength(3);
  });
});

describe('an adapted model', () => {
  it('is merged into a plain one with the same outputs', () => {
    const module = model();
    addLora(module, { rank: 2 });
    fillB(module);
    const x = random(2, 6);
    const before = module.forward(x);
    mergeLora(module);
    expect([...module.stateDict().keys()]).toEqual(['0.weight', '0.bias', '1.weight']);
    expectClose(module.forward(x), before);
    expect(module.trainableParameters()).toHaveLength(3);
  });

  it('is what it was without its adapters', () => {
    const module = model();
    const x = random(2, 6);
    const before = values(module.forward(x));
    addLora(module, { rank: 2 });
    fillB(module);
    removeLora(module);
    expect(values(module.forward(x))).toEqual(before);
  });

  it('is saved apart: the adapters fit another copy of the model', () => {
    const [first, second] = [model(), model()];
    second.loadStateDict(first.stateDict());
    addLora(first, { rank: 2 });
    addLora(second, { rank: 2 });
    fillB(first);
    const adapters = loraStateDict(first);
    expect([...adapters.keys()]).toHaveLength(4);
    second.loadStateDict(adapters, { strict: false });
    const x = random(2, 6);
    expectClose(second.forward(x), first.forward(x));
  });
});
