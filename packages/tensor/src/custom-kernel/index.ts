/** Operations written as the function of one output element, in plain TypeScript, as gpu.js has them. */

import * as graph from '../graph/graph.ts';
import { type DType, isFloat, promote } from '../kernel/dtype.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import { broadcastTo } from '../ops/operand.ts';
import { Tensor } from '../tensor.ts';
import { KernelTraceError } from './errors.ts';
import { joinedShape } from './load.ts';
import { KernelSyntaxError, type ParsedFunction, parseFunction } from './parse.ts';
import { traceKernel } from './trace.ts';
import { floatOf, operandOf, type Value } from './values.ts';

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

/** A kernel function that cannot be compiled, or arguments that do not fit it. */
export class KernelError extends Error {
  override name = 'KernelError';
}

function parse(op: string, fn: (...values: never[]) => unknown): ParsedFunction {
  try {
    return parseFunction(fn);
  } catch (error) {
    if (error instanceof KernelSyntaxError) throw new KernelError(`${op}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The dtype in which the kernel computes: the widest of its floating-point arguments. */
const computedDtype = (inputs: readonly (Tensor | number)[]): DType =>
  inputs.reduce<DType | null>((widest, input) => {
    if (typeof input === 'number' || !isFloat(input.dtype)) return widest;
    return widest === null ? input.dtype : promote(widest, input.dtype);
  }, null) ?? 'f32';

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
  const op = `kernel '${definition.name}'`;
  const parsed = parse(op, definition.kernel);
  const functions = new Map(
    (definition.functions ?? []).map((fn) => [fn.name, parse(`${op}, function '${fn.name}'`, fn)]),
  );
  const count = parsed.parameters.length;
  return (...inputs) => {
    if (inputs.length !== count)
      throw new KernelError(`${op}: takes ${count} arguments (${parsed.parameters.join(', ')}), got ${inputs.length}`);
    const tensors = inputs.filter((input) => typeof input !== 'number');
    const shape = typeof definition.output === 'function' ? definition.output(...tensors) : definition.output;
    if (shape.some((size) => !Number.isInteger(size) || size < 0))
      throw new KernelError(`${op}: the output's shape [${shape.join(', ')}] must be of whole numbers`);
    const dtype = computedDtype(inputs);
    const resultDtype = definition.dtype ?? dtype;
    if (sizeOf(shape) === 0) return Tensor.fromNode(graph.constant(0, shape, resultDtype));
    const axes = definition.threadAxes ?? (Math.min(3, Math.max(1, shape.length)) as 1 | 2 | 3);
    const grid = joinedShape(shape, axes);
    const values = inputs.map((input, k): Value => {
      if (typeof input === 'number') return input;
      return { kind: 'array', name: parsed.parameters[k] as string, source: input.node };
    });
    try {
      const value = traceKernel(parsed, {
        parameters: new Map(parsed.parameters.map((name, k) => [name, values[k] as Value])),
        threads: grid.toReversed(),
        constants: definition.constants ?? {},
        functions,
        dtype,
        loopMaxIterations: definition.loopMaxIterations ?? null,
      });
      const operand = operandOf(value);
      if (operand === null) throw new KernelError(`${op}: returns one of its arguments: index it to get a number`);
      const node = graph.cast(typeof operand === 'number' ? floatOf(operand, dtype) : operand, resultDtype);
      return Tensor.fromNode(graph.reshape(broadcastTo(node, grid, op), shape));
    } catch (error) {
      if (!(error instanceof KernelTraceError)) throw error;
      const { position } = error;
      const place = position === null ? '' : ` (line ${position.line}, column ${position.column} of the function)`;
      throw new KernelError(`${op}${place}: ${error.message}`, { cause: error });
    }
  };
}
