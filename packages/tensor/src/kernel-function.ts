/** `kernelFunction`: operations that are written as the function of one output element. */

import { compileElementFunction } from './custom-kernel/index.ts';
import type { DType } from './kernel/dtype.ts';
import type { Shape } from './kernel/shape.ts';
import { Tensor } from './tensor.ts';

/** An argument inside of a kernel function. It takes one subscript for each axis, or fewer: leading axes are then joined. */
export type KernelArray = number & { readonly [index: number]: KernelArray };

/** The type of `this` inside of a kernel function. */
export interface KernelThis<Constants = Readonly<Record<string, number | boolean>>> {
  /** The element of the output that is computed: x runs along the last axis, y along the one before, z along all others. */
  readonly thread: { readonly x: number; readonly y: number; readonly z: number };
  /** The sizes of the axes of `thread`. */
  readonly output: { readonly x: number; readonly y: number; readonly z: number };
  readonly constants: Constants;
}

/** An operation as the function of one element. */
export interface KernelDefinition<Constants = Readonly<Record<string, number | boolean>>> {
  /** For messages. */
  readonly name: string;
  /** The shape of the result, or a function of the tensors among the arguments that returns it. */
  readonly output: Shape | ((...inputs: Tensor[]) => Shape);
  /**
   * Returns the value of one element. It is not called: its text is compiled, so it sees only its arguments, `this` and Math (all but `clz32`,
   * `f16round` and `random`). It may use
   * variables, if, ?:, for, while, break, continue, and functions declared inside of it.
   */
  readonly kernel: (this: KernelThis<Constants>, ...inputs: KernelArray[]) => number;
  /** Numbers that the kernel reads as `this.constants.NAME`. */
  readonly constants?: Constants;
  /** Functions that the kernel may call by name. */
  readonly functions?: readonly ((...values: never[]) => number)[];
  /** The dtype of the result. Default: the one of the floating-point arguments, f32 if there are none. */
  readonly dtype?: DType;
  /** The number of axes of `thread`, 1 to 3. With 1, `thread.x` counts all elements. Default: the number of axes of the output. */
  readonly threadAxes?: 1 | 2 | 3;
  /** The maximum number of turns of a loop whose end depends on data. */
  readonly loopMaxIterations?: number;
}

/**
 * Makes an operation from the function of one element:
 *
 *     const swish = kernelFunction({
 *       name: 'swish',
 *       output: (x) => x.shape,
 *       threadAxes: 1,
 *       kernel: function (x) {
 *         const v = x[this.thread.x];
 *         return v / (1 + Math.exp(-v));
 *       },
 *     });
 *
 * The function is compiled into the operations of the graph: it runs on every backend, fuses with the operations around it, works in
 * compiled steps, and its derivative follows from its operations (with `customKernel` of @tessera/autograd you can define another).
 * Loads outside of an argument return 0. A loop that only sums (or takes maxima) becomes a reduction, one that sums products a matrix
 * product; other loops are unrolled.
 *
 * @throws KernelError that names the operation and the position in the function's text
 */
export function kernelFunction<Constants extends Readonly<Record<string, number | boolean>>>(
  definition: KernelDefinition<Constants>,
): (...inputs: (Tensor | number)[]) => Tensor {
  const { output } = definition;
  const apply = compileElementFunction(definition);
  return (...inputs) => {
    const tensors = inputs.filter((input) => typeof input !== 'number');
    const nodes = inputs.map((input) => (typeof input === 'number' ? input : input.node));
    return Tensor.fromNode(apply(nodes, () => (typeof output === 'function' ? output(...tensors) : output)));
  };
}
