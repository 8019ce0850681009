/**
 * Steps of SGD on a model with adapters, against those of peft with PyTorch: peft.json was written by scripts/reference/lora.py with peft
 * 0.21.2 and PyTorch 2.15.
 */
import { readFileSync } from 'node:fs';
import { backward } from '@tessera/autograd';
import { registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { MultiheadAttention } from '../layers/attention/multihead-attention.ts';
import { Linear } from '../layers/linear.ts';
import { Module } from '../module/module.ts';
import { addLora, mergeLora } from './lora.ts';

interface Recorded {
  readonly steps: readonly { readonly loss: number; readonly gradients: Readonly<Record<string, number[]>> }[];
  readonly outputs: readonly number[];
}

const recorded = JSON.parse(readFileSync(new URL('peft.json', import.meta.url), 'utf8')) as Record<
  'plain' | 'rankStabilized',
  Recorded
>;

registerReferenceBackends();
setDefaultBackend('reference');

/** The numbers that both sides compute from their places. */
function fill(shape: readonly number[], start: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, k) => Math.sin(0.7 * (start + k))),
    { shape },
  );
}

class Net extends Module {
  readonly attn = new MultiheadAttention(4, 2, { batchFirst: true });
  readonly fc = new Linear(4, 3);
  readonly head = new Linear(3, 2);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.fc.forward(this.attn.forward(x)).tanh());
  }
}

function expectClose(got: Tensor, want: readonly number[], what: string): void {
  const values = [...got.dataSync()];
  expect(values.length, what).toBe(want.length);
  for (const [k, value] of values.entries()) expect(value, `${what} ${k}`).toBeCloseTo(want[k] as number, 5);
}

describe('training with adapters', () => {
  it.each(['plain', 'rankStabilized'] as const)('has the losses, gradients and outputs of peft: %s', (kind) => {
    const net = new Net();
    const names = ['attn.in_proj_weight', 'attn.in_proj_bias', 'attn.out_proj.weight', 'attn.out_proj.bias'];
    const order = [...names, 'fc.weight', 'fc.bias', 'head.weight', 'head.bias'];
    const own = new Map(net.namedParameters());
    expect([...own.keys()].sort()).toEqual([...order].sort());
    for (const [k, name] of order.entries()) own.get(name)?.initialize((shape) => fill(shape, 10 * k));
    const x = fill([2, 3, 4], 5);
    const before = [...net.forward(x).dataSync()];

    addLora(net, { rank: 2, alpha: 3, rankStabilized: kind === 'rankStabilized', trainable: ['head'] });
    const trained = net.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
    const factors = trained.filter(([name]) => name.endsWith('lora_A')).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [k, [, parameter]] of factors.entries()) parameter.initialize((shape) => fill(shape, 100 + 10 * k));
    // B is 0: not a bit differs.
    expect([...net.forward(x).dataSync()]).toEqual(before);

    const { steps, outputs } = recorded[kind];
    for (const { loss: wanted, gradients } of steps) {
      const loss = net.forward(x).square().mean();
      backward(loss);
      expect(loss.dataSync()[0]).toBeCloseTo(wanted, 5);
      expect(trained.map(([name]) => name).sort()).toEqual(Object.keys(gradients).sort());
      for (const [name, parameter] of trained) {
        const grad = parameter.grad as Tensor;
        expectClose(grad, gradients[name] ?? [], name);
        parameter.assign(parameter.detach().sub(grad.mul(0.1)));
        parameter.grad = null;
      }
    }
    expectClose(net.forward(x), outputs, 'outputs');
    mergeLora(net);
    expectClose(net.forward(x), outputs, 'merged outputs');
  });
});
