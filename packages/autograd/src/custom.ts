/** Functions with their own derivative. */

import { noGrad, Tensor } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';

/**
 * From the gradient of the output (of its shape and dtype), the inputs and the output to one gradient for each input, null for none.
 * If it consists of ordinary tensor operations, it can be differentiated again.
 */
export type CustomBackward<Inputs extends readonly Tensor[] = readonly Tensor[]> = (
  gradient: Tensor,
  inputs: Inputs,
  output: Tensor,
) => readonly (Tensor | null)[];

/**
 * A function with its own derivative: the value is `forward(...inputs)`, and `backward` returns the gradients. `forward` itself is not
 * differentiated, so gradients flow only to its inputs: other tensors that it captures count as constants.
 *
 *     const roundStraightThrough = customGradient((x) => x.add(0.5).floor(), (gradient) => [gradient]);
 */
export function customGradient<Inputs extends Tensor[]>(
  forward: (...inputs: Inputs) => Tensor,
  backward: CustomBackward<Inputs>,
  name: string = forward.name || 'anonymous',
): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const value = noGrad(() => forward(...inputs));
    const node = graph.custom(
      value.node,
      inputs.map((input) => input.node),
      {
        name,
        backward: (gradient, sources, output) =>
          backward(Tensor.fromNode(gradient), sources.map(Tensor.fromNode) as Inputs, Tensor.fromNode(output)).map(
            (part) => part?.node ?? null,
          ),
      },
    );
    return Tensor.fromNode(node);
  };
}
