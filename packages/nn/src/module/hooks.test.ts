/** Hooks before and after `forward`, and on gradients. */
import { backward, checkpoint, grad } from '@tessera/autograd';
import { compile, noGrad, type Tensor, tensor, zeros } from '@tessera/tensor';
import { describe, expect, test } from 'vitest';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

const values = (x: Tensor | null | undefined): unknown => x?.toArraySync() ?? null;

/** x * weight. */
class Scale extends Module {
  readonly weight = new Parameter(tensor([2, 3]));

  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

describe('forward hooks', () => {
  test('run in order, see inputs and outputs, and may replace them', () => {
    const scale = new Scale();
    const seen: unknown[] = [];
    scale.registerForwardPreHook((module, inputs) => {
      seen.push(module, inputs.length);
    });
    scale.registerForwardPreHook((_, [x]) => (x as Tensor).add(1));
    scale.registerForwardHook((_, [x], output) => {
      seen.push(values(x as Tensor), values(output));
    });
    const handle = scale.registerForwardHook((_, __, output) => output.neg());
    expect(values(scale.forward(tensor([1, 1])))).toEqual([-4, -6]);
    expect(seen).toEqual([scale, 1, [2, 2], [4, 6]]);
    handle.remove();
    expect(values(scale.forward(tensor([1, 1])))).toEqual([4, 6]);
  });

  test('the same function may be registered twice and removed once', () => {
    const scale = new Scale();
    const addOne = (_: Module, __: readonly unknown[], output: Tensor): Tensor => output.add(1);
    scale.registerForwardHook(addOne);
    scale.registerForwardHook(addOne).remove();
    expect(values(scale.forward(tensor([0, 0])))).toEqual([1, 1]);
  });

  test('are called for modules inside of others', () => {
    const model = new Sequential(new Linear(2, 3), new Linear(3, 4));
    const shapes: unknown[] = [];
    for (const [name, module] of model.namedModules())
      module.registerForwardHook((_, __, output) => {
        shapes.push([name, output.shape]);
      });
    model.forward(zeros([5, 2]));
    expect(shapes).toEqual([
      ['0', [5, 3]],
      ['1', [5, 4]],
      ['', [5, 4]],
    ]);
  });
});

describe('backward hooks', () => {
  test('get the gradients of inputs and outputs', () => {
    const scale = new Scale();
    const x = tensor([5, 7], { requiresGrad: true });
    const calls: unknown[] = [];
    scale.registerFullBackwardHook((module, gradInput, gradOutput) => {
      calls.push([module, gradInput.map(values), gradOutput.map(values)]);
    });
    const loss = scale
      .forward(x)
      .mul(tensor([10, 100]))
      .sum();
    backward(loss);
    expect(calls).toEqual([[scale, [[20, 300]], [[10, 100]]]]);
    expect(values(x.grad)).toEqual([20, 300]);
    expect(values(scale.weight.grad)).toEqual([50, 700]);
  });

  test('may replace the gradients of the inputs', () => {
    const scale = new Scale();
    scale.registerFullBackwardHook((_, [gradient]) => [gradient?.mul(10) ?? null]);
    scale.registerFullBackwardHook((_, [gradient]) => [gradient?.add(1) ?? null]);
    const x = tensor([5, 7]);
    const [dx, dweight] = grad(scale.forward(x).sum(), [x, scale.weight]);
    expect([values(dx), values(dweight)]).toEqual([
      [21, 31],
      [5, 7],
    ]);
  });

  test('are called where no gradient of an input is asked for', () => {
    const scale = new Scale();
    const calls: unknown[] = [];
    scale.registerFullBackwardHook((_, gradInput, gradOutput) => {
      calls.push([gradInput.map(values), gradOutput.map(values)]);
    });
    grad(scale.forward(tensor([5, 7])).sum(), scale.weight);
    expect(calls).toEqual([[[null], [[1, 1]]]]);
  });

  test('are called once for several inputs and outputs', () => {
    class Mix extends Module {
      forward(a: Tensor, b: Tensor, scale: number): { sum: Tensor; product: Tensor } {
        return { sum: a.add(b), product: a.mul(b).mul(scale) };
      }
    }
    const mix = new Mix();
    const calls: unknown[] = [];
    mix.registerFullBackwardHook((_, gradInput, gradOutput) => {
      calls.push([gradInput.map(values), gradOutput.map(values)]);
    });
    const [a, b] = [tensor([2]), tensor([3])];
    const { sum, product } = mix.forward(a, b, 10);
    expect(grad(sum.add(product).sum(), [a, b]).map(values)).toEqual([[31], [21]]);
    const second = mix.forward(a, b, 10);
    expect(grad(second.product.sum(), [a]).map(values)).toEqual([[30]]);
    expect(calls).toEqual([
      [
        [[31], [21]],
        [[1], [1]],
      ],
      [
        [[30], [20]],
        [null, [1]],
      ],
    ]);
  });

  test('work for second derivatives, under noGrad and in checkpoints', () => {
    const scale = new Scale();
    let calls = 0;
    const handle = scale.registerFullBackwardHook(() => {
      calls++;
      return undefined;
    });
    const x = tensor([5, 7]);
    const first = grad(scale.forward(x).square().sum(), x);
    expect(values(first)).toEqual([40, 126]);
    expect(values(grad(first.sum(), x))).toEqual([8, 18]);
    expect(calls).toBeGreaterThanOrEqual(1);
    noGrad(() => scale.forward(x));
    calls = 0;
    const y = checkpoint((input: Tensor) => scale.forward(input))(x);
    expect(values(grad(y.sum(), x))).toEqual([2, 3]);
    expect(calls).toBe(1);
    handle.remove();
    grad(scale.forward(x).sum(), x);
    expect(calls).toBe(1);
  });

  test('are part of a compiled step', async () => {
    const scale = new Scale();
    const norms: Tensor[] = [];
    scale.registerFullBackwardHook((_, __, [gradOutput]) => {
      if (gradOutput) norms.push(gradOutput.norm());
    });
    const step = compile((x: Tensor) => {
      norms.length = 0;
      const [gradient] = grad(scale.forward(x).square().sum(), [scale.weight]) as [Tensor];
      return [gradient, ...norms];
    });
    const [gradient, norm] = await step(tensor([1, 1]));
    expect(values(gradient)).toEqual([4, 6]);
    expect(norm?.itemSync()).toBeCloseTo(Math.hypot(4, 6), 5);
  });
});
