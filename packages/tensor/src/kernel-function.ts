/** `kernelFunction`: operations written as the function of one output element. */

import { compileElementFunction } from './custom-kernel/index.ts';
import type { DType } from './kernel/dtype.ts';
import type { Shape } from './kernel/shape.ts';
import { Tensor } from './tensor.ts';

/** An argument inside of a kernel function: indexed with as many subscripts as one likes, the rest of the axes joined. */
export type KernelArray = number & { readonly [index: number]: KernelArray };

/** What `this` is inside of a kernel function. */
export interface KernelThis<Constants = Readonly<Record<string, number | boolean>>> {
  /** Which element of the output is computed: x runs along the last axis, y along the one before, z along all others. */
  readonly thread: { readonly x: number; readonly y: number; readonly z: number };
  /** The sizes of the axes of `thread`. */
  readonly output: { readonly x: number; readonly y: number; readonly z: number };
  readonly constants: Constants;
}

export interface KernelDefinition<Constants = Readonly<Record<string, number | boolean>>> {
  /** For messages. */
  readonly name: string;
  /** The shape of the result, or how it follows from the arguments. */
  readonly output: Shape | ((...inputs: Tensor[]) => Shape);
  /**
   * The value of one element. It is not called: its text is compiled, so it sees its arguments, `this`, Math and nothing else. It may
   * use variables, if, ?:, for, while, break, continue, and functions declared inside of it.
   */
  readonly kernel: (this: KernelThis<Constants>, ...inputs: KernelArray[]) => number;
  /** Numbers that the kernel reads as `this.constants.NAME`. */
  readonly constants?: Constants;
  /** Functions that the kernel may call by name. */
  readonly functions?: readonly ((...values: never[]) => number)[];
  /** The dtype of the result: that of the floating-point arguments if not given (f32 if there are none). */
  readonly dtype?: DType;
  /** How many axes `thread` has, 1 to 3. With 1, `thread.x` counts all elements. As many as the output has, if not given. */
  readonly threadAxes?: 1 | 2 | 3;
  /** The largest number of turns of a loop whose end depends on data. */
  readonly loopMaxIterations?: number;
}

/**
 * An operation from the function of one element:
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
 * The function is compiled into the operations of the graph: it runs on every backend, fuses with what stands around it, works in
 * compiled steps, and has the derivative that follows from what it is made of (`customKernel` of @tessera/autograd takes one of its
 * own). Loads outside of an argument give 0. A loop that only adds up (or takes maxima) becomes a reduction, and one that adds up
 * products a matrix product; others are unrolled.
 *
 * @throws KernelError that names the operation, and the place in the function's text.
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
