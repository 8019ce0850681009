/** Custom kernels with a gradient. */
import { type KernelDefinition, kernelFunction, Tensor } from '@tessera/tensor';
import { type CustomBackward, customGradient } from './custom.ts';

export interface CustomKernelDefinition<Constants = Readonly<Record<string, number | boolean>>>
  extends KernelDefinition<Constants> {
  /**
   * The gradient with respect to each tensor among the arguments (null for none), given the gradient of the output, those tensors and
   * the output. Without it, the derivative follows from the kernel's operations.
   */
  readonly gradient?: CustomBackward;
}

/**
 * An operation written as the function of one output element (see `kernelFunction` of @tessera/tensor), with its own gradient:
 *
 *     const swish = customKernel({
 *       name: 'swish',
 *       output: (x) => x.shape,
 *       threadAxes: 1,
 *       kernel: function (x) {
 *         const v = x[this.thread.x];
 *         return v / (1 + Math.exp(-v));
 *       },
 *       gradient: (upstream, [x], y) => {
 *         const s = x.sigmoid();
 *         return [upstream.mul(y.add(s.mul(y.neg().add(1))))];
 *       },
 *     });
 *
 * The gradient may call custom kernels too. If it consists of differentiable operations, it can be differentiated again.
 */
export function customKernel<Constants extends Readonly<Record<string, number | boolean>>>(
  definition: CustomKernelDefinition<Constants>,
): (...inputs: (Tensor | number)[]) => Tensor {
  const forward = kernelFunction(definition);
  const { gradient, name } = definition;
  if (gradient === undefined) return forward;
  return (...inputs) => {
    const tensors = inputs.filter((input) => input instanceof Tensor);
    const apply = (...given: Tensor[]): Tensor => {
      const next = given.values();
      return forward(...inputs.map((input) => (input instanceof Tensor ? (next.next().value ?? input) : input)));
    };
    return customGradient(apply, gradient, name)(...tensors);
  };
}
