/** Checks of arguments, and their error messages. */
import { formatShape, isFloat, sameShape, sizeOf, type Tensor } from '@tessera/tensor';
import { graph, type Node } from '@tessera/tensor/graph';

/** A tensor in error messages: its name, if it has one, dtype and shape. */
export function describe(tensor: Tensor): string {
  const type = `${tensor.dtype} ${formatShape(tensor.shape)}`;
  return tensor.name ? `'${tensor.name}' (${type})` : type;
}

export function requireFloat(what: string, tensor: Tensor): void {
  if (!isFloat(tensor.dtype))
    throw new TypeError(`${what} ${describe(tensor)} is not floating point and has no derivative`);
}

export function requireLike(what: string, tensor: Tensor, like: Tensor): void {
  if (!sameShape(tensor.shape, like.shape) || tensor.dtype !== like.dtype)
    throw new RangeError(
      `${what} is ${tensor.dtype} ${formatShape(tensor.shape)}, but must be ${like.dtype} ${formatShape(like.shape)}`,
    );
}

export const zerosFor = (node: Node): Node => graph.constant(0, node.shape, node.dtype);

/** The gradient to start from: `cotangent`, checked, or 1 for an `output` of one element. `name` is the caller's name for it. */
export function seedFor(op: string, output: Tensor, cotangent: Tensor | undefined, name: string): Node {
  requireFloat(`${op}: the output`, output);
  if (cotangent !== undefined) {
    requireLike(`${op}: ${name}`, cotangent, output);
    return cotangent.node;
  }
  if (sizeOf(output.shape) !== 1)
    throw new RangeError(
      `${op}: the output has shape ${formatShape(output.shape)}: reduce it to one number (sum, mean) ` +
        `or pass a ${name} of that shape`,
    );
  return graph.constant(1, output.shape, output.dtype);
}

/** Why a derivative is not known, and what to do. */
export const forgottenHistory =
  'a value between it and the loss was read or computed, and its history was not kept, because nothing there requires a gradient; ' +
  'set requiresGrad = true before it is used, take the gradient before values are read, or use valueAndGrad or vjp';
