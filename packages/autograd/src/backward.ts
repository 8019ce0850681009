/** PyTorch's habit: gradients are added to `.grad` of the leaves. */

import { leafOwner, Tensor } from '@tessera/tensor';
import {
  areGradientsEnabled,
  isHistoryForgotten,
  stopsGradient,
  topologicalOrder,
  withGradients,
} from '@tessera/tensor/graph';
import { at } from './at.ts';
import { seedFor } from './checks.ts';
import { gradientsOf } from './walk.ts';

export interface BackwardOptions {
  /** The gradient, with respect to `loss`, of the value that is finally minimized. Default: 1, for a loss of one element. */
  readonly gradOutput?: Tensor;
  /** Makes `.grad` differentiable, for second derivatives. Default: false, as in PyTorch. */
  readonly createGraph?: boolean;
}

/**
 * Adds the gradient of `loss` to `.grad` of every tensor with `requiresGrad` that `loss` was computed from (`.grad` null counts as
 * zero), like PyTorch's `loss.backward()`. Clear `.grad` before the next step.
 *
 * @throws Error if the loss does not depend on any such tensor
 */
export function backward(loss: Tensor, { gradOutput, createGraph = false }: BackwardOptions = {}): void {
  const seed = seedFor('backward', loss, gradOutput, 'gradOutput');
  const order = topologicalOrder([loss.node], stopsGradient);
  const leaves = order.flatMap((node) => {
    const owner = leafOwner(node);
    return owner?.requiresGrad ? [owner] : [];
  });
  if (leaves.length === 0)
    throw new Error(
      'backward: the loss does not depend on any tensor with requiresGrad: set requiresGrad on the parameters before they are used' +
        (order.some(isHistoryForgotten) ? '; values that are read before forget what they were computed from' : ''),
    );
  withGradients(createGraph && areGradientsEnabled(), () => {
    const gradients = gradientsOf(
      [loss.node],
      [seed],
      leaves.map((leaf) => leaf.node),
    );
    for (const [k, gradient] of gradients.entries()) {
      if (gradient === null) continue;
      const leaf = at(leaves, k);
      const total = Tensor.fromNode(gradient);
      leaf.grad = leaf.grad === null ? total : leaf.grad.add(total);
    }
  });
}
