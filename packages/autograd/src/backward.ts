import { leafOwner, Tensor } from '@tessera/tensor';
import { areGradientsEnabled, topologicalOrder, withGradients } from '@tessera/tensor/graph';
import { seedFor } from './checks.ts';
import { gradientsOf, stopsGradient } from './walk.ts';

export interface BackwardOptions {
  /** The gradient of what is finally minimised with respect to `loss`. Default: 1, for a loss of one element. */
  readonly gradOutput?: Tensor;
  /** Makes `.grad` differentiable itself, for second derivatives. Default: false, as in PyTorch. */
  readonly createGraph?: boolean;
}

/**
 * Adds the gradient of `loss` to `.grad` of every tensor with `requiresGrad` that `loss` was computed from (`.grad` null counts as
 * zero), as PyTorch's `loss.backward()` does. Clear `.grad` before the next step.
 *
 * @throws Error if no such tensor leads to the loss.
 */
export function backward(loss: Tensor, { gradOutput, createGraph = false }: BackwardOptions = {}): void {
  const seed = seedFor('backward', loss, gradOutput, 'gradOutput');
  const leaves = topologicalOrder([loss.node], stopsGradient)
    .map((node) => leafOwner(node))
    .filter((tensor) => tensor?.requiresGrad) as Tensor[];
  if (leaves.length === 0)
    throw new Error(
      'backward: no tensor with requiresGrad leads to the loss: set requiresGrad on the parameters first',
    );
  withGradients(createGraph && areGradientsEnabled(), () => {
    const targets = leaves.map((leaf) => leaf.node);
    gradientsOf([loss.node], [seed], targets).forEach((gradient, k) => {
      if (gradient === null) return;
      const leaf = leaves[k] as Tensor;
      const total = Tensor.fromNode(gradient);
      leaf.grad = leaf.grad === null ? total : leaf.grad.add(total);
    });
  });
}
