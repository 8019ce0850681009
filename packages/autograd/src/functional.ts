/** Derivatives of functions: vector-Jacobian and Jacobian-vector products, and value with gradients. */

import { Tensor } from '@tessera/tensor';
import { graph, type Node, requireGradient } from '@tessera/tensor/graph';
import { at } from './at.ts';
import { requireFloat, requireLike, seedFor, zerosFor } from './checks.ts';
import { gradientsOf } from './walk.ts';

/** A function that can be differentiated with respect to its arguments. Other tensors that it reads count as constants. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor;

/**
 * The same values under new nodes, so that the derivative is that of the function's arguments only, even if its body refers to the
 * same tensors.
 */
export function freshInputs(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => {
    const fresh = Tensor.fromNode(graph.barrier(input.node));
    requireGradient(fresh.node);
    if (input.name) fresh.name = input.name;
    return fresh;
  });
}

const nodesOf = (tensors: readonly Tensor[]): Node[] => tensors.map((tensor) => tensor.node);

/**
 * The value of `fn(...inputs)` and its pullback: given a cotangent of the value's shape and dtype (default: 1, for a value of one
 * element), the vector-Jacobian product for each input. Zeros for an input that the value does not depend on.
 */
export function vjp(
  fn: TensorFunction,
  ...inputs: Tensor[]
): [value: Tensor, pullback: (cotangent?: Tensor) => Tensor[]] {
  for (const [k, input] of inputs.entries()) requireFloat(`vjp: input ${k},`, input);
  const fresh = freshInputs(inputs);
  const value = fn(...fresh);
  const targets = nodesOf(fresh);
  const pullback = (cotangent?: Tensor): Tensor[] => {
    const seed = seedFor('vjp', value, cotangent, 'cotangent');
    const gradients = gradientsOf([value.node], [seed], targets);
    return targets.map((target, k) => Tensor.fromNode(gradients[k] ?? zerosFor(target)));
  };
  return [value, pullback];
}

/**
 * The value of `fn(...inputs)` and the Jacobian-vector product with `tangents` (of the inputs' shapes and dtypes): how the value
 * changes as the inputs move along the tangents.
 *
 * Reverse mode twice: the pullback u -> u'J is linear in u, so the derivative of <u'J, tangent> with respect to u is J tangent for
 * every u.
 */
export function jvp(
  fn: TensorFunction,
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
): [value: Tensor, tangent: Tensor] {
  if (tangents.length !== inputs.length)
    throw new RangeError(`jvp: needs one tangent for each of ${inputs.length} inputs, got ${tangents.length}`);
  for (const [k, input] of inputs.entries()) {
    requireFloat(`jvp: input ${k},`, input);
    requireLike(`jvp: tangent ${k}`, at(tangents, k), input);
  }
  const fresh = freshInputs(inputs);
  const value = fn(...fresh);
  requireFloat('jvp: the output', value);
  const u = graph.barrier(zerosFor(value.node));
  requireGradient(u);
  const used = gradientsOf([value.node], [u], nodesOf(fresh)).flatMap((node, k) =>
    node === null ? [] : [{ node, tangent: at(tangents, k).node }],
  );
  const [tangent] = gradientsOf(
    used.map(({ node }) => node),
    used.map((pair) => pair.tangent),
    [u],
  );
  return [value, Tensor.fromNode(tangent ?? zerosFor(value.node))];
}

/**
 * A function that returns the value of `fn` (one element) and the gradients with respect to the arguments at the positions
 * `argnums`. Zeros for an argument that the value does not depend on.
 *
 *     const [loss, [gradient]] = valueAndGrad((weight: Tensor) => x.matmul(weight).square().mean())(weight);
 */
export function valueAndGrad<Arguments extends unknown[]>(
  fn: (...args: Arguments) => Tensor,
  argnums: readonly number[] = [0],
): (...args: Arguments) => [value: Tensor, gradients: Tensor[]] {
  return (...args) => {
    const chosen = argnums.map((position) => {
      const argument = args[position];
      if (!(argument instanceof Tensor))
        throw new TypeError(`valueAndGrad: argument ${position} is not a tensor; choose the arguments with argnums`);
      return argument;
    });
    const [value, pullback] = vjp(
      (...inputs) => {
        const all: unknown[] = [...args];
        for (const [k, position] of argnums.entries()) all[position] = inputs[k];
        return fn(...(all as Arguments));
      },
      ...chosen,
    );
    return [value, pullback()];
  };
}
