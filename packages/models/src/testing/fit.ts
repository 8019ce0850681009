/** Training for tests. */
import { grad } from '@tessera/autograd';
import type { Module } from '@tessera/nn';
import { compile, type Tensor, tensor, zeros } from '@tessera/tensor';
import { at } from './lists.ts';

export interface FitOptions {
  readonly steps: number;
  readonly lr?: number;
}

/**
 * Trains a model for a test, in one compiled step: Adam (Kingma and Ba 2015, algorithm 1), repeatedly on the same inputs. Returns
 * the loss of every step.
 */
export async function fit(
  model: Module,
  loss: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { steps, lr = 3e-3 }: FitOptions,
): Promise<number[]> {
  const [beta1, beta2, eps] = [0.9, 0.999, 1e-8];
  const parameters = model.parameters();
  const state = parameters.map((parameter) => ({
    parameter,
    m: zeros(parameter.shape).contiguous(),
    v: zeros(parameter.shape).contiguous(),
  }));
  const step = compile((rate: Tensor, ...values: Tensor[]) => {
    const result = loss(...values);
    const gradients = grad(result, parameters);
    for (const [k, gradient] of gradients.entries()) {
      const { parameter, m, v } = at(state, k);
      const first = m.mul(beta1).add(gradient.mul(1 - beta1));
      const second = v.mul(beta2).add(gradient.square().mul(1 - beta2));
      m.assign(first);
      v.assign(second);
      parameter.assign(parameter.sub(first.div(second.sqrt().add(eps)).mul(rate)));
    }
    return result;
  });
  const losses: number[] = [];
  for (let t = 1; t <= steps; t++) {
    const corrected = (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    losses.push(await (await step(tensor(corrected), ...inputs)).item());
  }
  return losses;
}
