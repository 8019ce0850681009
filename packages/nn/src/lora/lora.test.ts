/** Low-rank adapters: their arithmetic, what is trained, merging and saving. */
import { backward } from '@tessera/autograd';
import {
  eye,
  Generator,
  manualSeed,
  ones,
  randn,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  zeros,
} from '@tessera/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { MultiheadAttention } from '../layers/attention/multihead-attention.ts';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { addLora, loraStateDict, mergeLora, removeLora } from './lora.ts';
import { loraPairs, mergedStateDict } from './lora-state.ts';

registerReferenceBackends();
setDefaultBackend('reference');
beforeEach(() => {
  manualSeed(3);
});

const generator = new Generator(7);
const random = (...shape: number[]): Tensor => randn(shape, { generator });

const model = () => new Sequential(new Linear(6, 5), new Linear(5, 4, { bias: false }));

/** Linear layers with a matrix between them that is not the weight of one. */
class Nested extends Module {
  readonly tower = new Tower();
  readonly fc = new Linear(4, 2);
}

class Tower extends Module {
  readonly positions = new Parameter(zeros([3, 4]));
  readonly fc = new Linear(4, 4);
  readonly attn = new MultiheadAttention(4, 2);
}

/** Gives every B values, as training would. */
function fillB(module: Module): void {
  for (const [name, parameter] of module.namedParameters())
    if (name.endsWith('lora_B')) parameter.assign(random(...parameter.shape));
}

const values = (x: Tensor): number[] => [...x.dataSync()];

function expectClose(got: Tensor, want: Tensor): void {
  const expected = values(want);
  for (const [k, value] of values(got).entries()) {
    const want = expected[k] as number;
    expect(Math.abs(value - want), `${value} and ${want}`).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(want)));
  }
}

describe('addLora', () => {
  it('changes nothing at first, and trains only the adapters', () => {
    const module = model();
    const x = random(2, 6);
    const before = values(module.forward(x));
    expect(addLora(module, { rank: 2 })).toEqual(['0.weight', '1.weight']);
    expect(String(module)).toContain('(weight): LowRankUpdate(rank=2, scale=1, dropout=0)');
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

  it('acts on the input of each form of attention as the merged weight does', () => {
    const memory = random(4, 2, 8);
    const x = random(3, 2, 8);
    const wide = random(4, 2, 6);
    const packed = new MultiheadAttention(8, 2);
    const separate = new MultiheadAttention(8, 2, { kdim: 6, vdim: 6 });
    const cases: readonly [MultiheadAttention, (layer: MultiheadAttention) => Tensor][] = [
      [packed, (layer) => layer.forward(x)],
      [packed, (layer) => layer.forward(x, memory)],
      [packed, (layer) => layer.forward(x, memory, memory.mul(2))],
      [packed, (layer) => layer.attendAt(x, 1).output],
      [separate, (layer) => layer.forward(x, wide)],
    ];
    for (const [layer, forward] of cases) {
      addLora(layer, { rank: 2, alpha: 3 });
      fillB(layer);
      const before = forward(layer);
      mergeLora(layer);
      expectClose(forward(layer), before);
    }
  });

  it('drops numbers of the inputs of adapters in training only', () => {
    const module = new Sequential(new Linear(400, 1, { bias: false }));
    addLora(module, { rank: 1, dropout: 0.75 });
    const layer = module.get('0') as Linear;
    module.loadStateDict({
      '0.parametrizations.weight.original': zeros([1, 400]),
      '0.parametrizations.weight.lora_A': ones([1, 400]),
      '0.parametrizations.weight.lora_B': ones([1, 1]),
    });
    const x = ones([1, 400]);
    expect(values(module.eval().forward(x))).toEqual([400]);
    const [trained = 0] = values(module.train().forward(x));
    // 400 numbers, each 4 with a chance of 1 / 4: a standard deviation of 35.
    expect(trained % 4).toBe(0);
    expect(Math.abs(trained - 400)).toBeLessThan(5 * 35);
    expect(trained).not.toBe(400);
    // The merged weight has no input to drop.
    expect(values(layer.weight)).toEqual(values(ones([1, 400])));
  });

  it('counts alpha / sqrt(rank) where ranks are stabilized', () => {
    const module = new Sequential(new Linear(4, 4, { bias: false }));
    addLora(module, { rank: 4, alpha: 6, rankStabilized: true });
    const set = (name: string, value: Tensor) => module.loadStateDict({ [name]: value }, { strict: false });
    set('0.parametrizations.weight.original', zeros([4, 4]));
    set('0.parametrizations.weight.lora_A', eye(4));
    set('0.parametrizations.weight.lora_B', eye(4));
    expect(values(module.forward(eye(4)))).toEqual(values(eye(4).mul(3)));
  });

  it('trains what trainable names as it is, and adapts the rest', () => {
    const module = model();
    expect(addLora(module, { rank: 2, trainable: ['1'] })).toEqual(['0.weight']);
    expect(
      module
        .namedParameters()
        .filter(([, parameter]) => parameter.requiresGrad)
        .map(([name]) => name),
    ).toEqual(['0.parametrizations.weight.lora_A', '0.parametrizations.weight.lora_B', '1.weight']);
  });

  it('finds targets by a beginning, by names within, and by patterns with *', () => {
    const targetsOf = (...targets: string[]): string[] => addLora(new Nested(), { rank: 1, targets });
    expect(targetsOf('tower')).toEqual(['tower.fc.weight', 'tower.attn.in_proj_weight', 'tower.attn.out_proj.weight']);
    expect(targetsOf('fc')).toEqual(['fc.weight']);
    expect(targetsOf('attn.out_proj')).toEqual(['tower.attn.out_proj.weight']);
    expect(targetsOf('in_proj_weight')).toEqual(['tower.attn.in_proj_weight']);
    expect(targetsOf('*.fc.*')).toEqual(['tower.fc.weight']);
    expect(targetsOf('*')).toEqual(targetsOf('tower', 'fc'));
    // Not the weight of a linear layer, but a matrix that is named.
    expect(targetsOf('tower.positions')).toEqual(['tower.positions']);
  });

  it('refuses what cannot be adapted', () => {
    expect(() => addLora(model(), { rank: 1.5 })).toThrow(
      'addLora: rank must be a whole number of at least 1, got 1.5',
    );
    expect(() => addLora(model(), { rank: 5 })).toThrow(
      'addLora: a rank of 5 is larger than a side of 1.weight, which is [4, 5]',
    );
    expect(() => addLora(model(), { rank: 2, targets: ['0.bias'] })).toThrow('addLora: 0.bias is [5]; only weights');
    expect(() => addLora(model(), { rank: 2, targets: ['2.weight'] })).toThrow("no parameter matches '2.weight'");
    expect(() => addLora(new Nested(), { rank: 2, targets: ['projection'] })).toThrow(
      "no parameter matches 'projection'; there are tower.positions, tower.fc.weight, tower.fc.bias, tower.attn.in_proj_weight, ",
    );
    expect(() => addLora(model(), { rank: 2, trainable: ['*'] })).toThrow(
      'addLora: Sequential has no linear layer to adapt that is not in trainable, only *.weight',
    );
    expect(() => addLora(new Nested(), { rank: 1, dropout: 0.1, targets: ['tower.positions'] })).toThrow(
      'addLora: dropout acts on the inputs of linear layers, and tower.positions is not the weight of one; set dropout to 0',
    );
    expect(() => addLora(model(), { rank: 2, dropout: 1.5 })).toThrow('addLora: the probability must be in [0, 1]');
    expect(() => addLora(model(), { rank: 2, alpha: 0 })).toThrow('addLora: alpha must be above 0, got 0');
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

  it('has a state_dict that is merged without the model', () => {
    const module = model();
    addLora(module, { rank: 2, alpha: 3, targets: ['1.weight'] });
    fillB(module);
    const merged = mergedStateDict(module.stateDict(), { rank: 2, alpha: 3 });
    const copy = model();
    copy.loadStateDict(merged);
    const x = random(2, 6);
    expectClose(copy.forward(x), module.forward(x));
    expect(loraPairs(module.stateDict()).map(({ path, a, b }) => [path, a.shape, b.shape])).toEqual([
      ['1.weight', [2, 5], [4, 2]],
    ]);
    // A state without adapters stays as it is.
    expect([...mergedStateDict(merged, { rank: 2 })]).toEqual([...merged]);
  });
});
