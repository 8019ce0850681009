/** Gradients of a loss with respect to given tensors. */
import { Tensor } from '@tessera/tensor';
import { isHistoryForgotten, mayComeFrom, stopsGradient, topologicalOrder } from '@tessera/tensor/graph';
import { at } from './at.ts';
import { describe, forgottenHistory, requireFloat, seedFor, zerosFor } from './checks.ts';
import { gradientsOf } from './walk.ts';

export interface GradOptions {
  /** The gradient, with respect to `loss`, of the value that is finally minimized. Of the shape and dtype of `loss`; default: 1, for one element. */
  readonly gradOutput?: Tensor;
  /** Parameters that `loss` does not depend on get zeros instead of an error. */
  readonly allowUnused?: boolean;
}

/** The most frequent reasons why a parameter gets no gradient. */
function reasonUnused(loss: Tensor, parameter: Tensor): string {
  if (topologicalOrder([loss.node]).includes(parameter.node))
    return 'reaches the loss only through detach, noGrad, integers or comparisons';
  if (parameter.node.op === 'const')
    return 'is a constant, which may have been folded away: set requiresGrad on it before it is used';
  return 'is not in the graph of the loss: it was not used, only detached, or replaced by assign() after the forward pass';
}

function unusedError(loss: Tensor, parameter: Tensor, index: number): Error {
  return new Error(
    `grad: parameter ${index}, ${describe(parameter)}, ${reasonUnused(loss, parameter)}; ` +
      'pass allowUnused: true for a gradient of zeros',
  );
}

/**
 * Refuses a parameter that does not require a gradient if the loss may depend on it through a value whose history was forgotten: the
 * gradient would lack that part, without a word.
 */
function refuseForgotten(loss: Tensor, parameters: readonly Tensor[]): void {
  const plain = parameters.filter(({ node }) => !node.requiresGrad);
  if (plain.length === 0) return;
  const forgotten = topologicalOrder([loss.node], stopsGradient).filter(
    (node) => isHistoryForgotten(node) && !stopsGradient(node),
  );
  for (const parameter of plain)
    if (forgotten.some((node) => mayComeFrom(node, parameter.node)))
      throw new Error(`grad: parameter ${parameters.indexOf(parameter)}, ${describe(parameter)}: ${forgottenHistory}`);
}

/**
 * The gradients of `loss` with respect to `parameters`: tensors of the parameters' shapes and dtypes. They belong to the same lazy
 * graph: nothing is computed yet, and they can be differentiated again. Parameters may be any floating-point tensors that
 * `loss` was computed from, not only leaves. `loss` must have one element unless `gradOutput` is given.
 *
 * A value that was read or computed forgets what it was computed from, unless something there requires a gradient, as in PyTorch. So
 * parameters without `requiresGrad` must be differentiated before a value that depends on them is read; `valueAndGrad` and `vjp` need
 * no `requiresGrad`.
 *
 * @throws RangeError if the loss has several elements; Error that names a parameter on which the loss does not depend, or may have
 * depended before values were read
 */
export function grad(loss: Tensor, parameters: Tensor, options?: GradOptions): Tensor;
export function grad(loss: Tensor, parameters: readonly Tensor[], options?: GradOptions): Tensor[];
export function grad(
  loss: Tensor,
  parameters: Tensor | readonly Tensor[],
  { gradOutput, allowUnused = false }: GradOptions = {},
): Tensor | Tensor[] {
  const list = parameters instanceof Tensor ? [parameters] : parameters;
  const seed = seedFor('grad', loss, gradOutput, 'gradOutput');
  for (const [index, parameter] of list.entries()) requireFloat(`grad: parameter ${index},`, parameter);
  refuseForgotten(loss, list);
  const targets = list.map((parameter) => parameter.node);
  const gradients = gradientsOf([loss.node], [seed], targets).map((gradient, index) => {
    const parameter = at(list, index);
    if (gradient === null && !allowUnused) throw unusedError(loss, parameter, index);
    return Tensor.fromNode(gradient ?? zerosFor(parameter.node));
  });
  return parameters instanceof Tensor ? at(gradients, 0) : gradients;
}
