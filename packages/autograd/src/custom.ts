import { noGrad, Tensor } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';

/**
 * Given the gradient of the output (its shape and dtype), the inputs and the output: one gradient for each input, null for none.
 * Built of ordinary tensor operations it can be differentiated again.
 */
export type CustomBackward = (
  gradient: Tensor,
  inputs: readonly Tensor[],
  output: Tensor,
) => readonly (Tensor | null)[];

/**
 * A function with a derivative of its own: the value is `forward(...inputs)`, the gradients are what `backward` returns. Nothing is
 * differentiated through `forward`, so it reaches tensors only by its inputs: what it captures otherwise counts as constant.
 *
 *     const roundStraightThrough = customGradient((x) => x.add(0.5).floor(), (gradient) => [gradient]);
 */
export function customGradient<Inputs extends Tensor[]>(
  forward: (...inputs: Inputs) => Tensor,
  backward: CustomBackward,
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
          backward(Tensor.fromNode(gradient), sources.map(Tensor.fromNode), Tensor.fromNode(output)).map(
            (part) => part?.node ?? null,
          ),
      },
    );
    return Tensor.fromNode(node);
  };
}
