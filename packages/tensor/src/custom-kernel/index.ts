/**
 * Compiles an operation that is written as the function of one output element, in plain TypeScript as for gpu.js, from the function's
 * text to graph nodes. `kernel-function.ts` is the same on tensors.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import { broadcastTo } from '../ops/operand.ts';
import { KernelTraceError } from './errors.ts';
import { joinedShape } from './load.ts';
import { KernelSyntaxError, type ParsedFunction, parseFunction } from './parse.ts';
import { traceKernel } from './trace.ts';
import { floatOf, operandOf, type Value } from './values.ts';

/** The definition of an operation: `KernelDefinition` documents these fields. */
export interface ElementFunction {
  readonly name: string;
  readonly kernel: (...inputs: never[]) => number;
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly functions?: readonly ((...values: never[]) => number)[];
  readonly dtype?: DType;
  readonly threadAxes?: 1 | 2 | 3;
  readonly loopMaxIterations?: number;
}

/** A kernel function cannot be compiled, or its arguments do not fit. */
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
const computedDtype = (inputs: readonly (Node | number)[]): DType =>
  inputs.reduce<DType | null>((widest, input) => {
    if (typeof input === 'number' || !isFloat(input.dtype)) return widest;
    return widest === null ? input.dtype : promote(widest, input.dtype);
  }, null) ?? 'f32';

/** Parses the function, and returns a function that builds its graph for given arguments. `output` returns the shape of the result. */
export function compileElementFunction(
  definition: ElementFunction,
): (inputs: readonly (Node | number)[], output: () => Shape) => Node {
  const op = `kernel '${definition.name}'`;
  const parsed = parse(op, definition.kernel);
  const functions = new Map(
    (definition.functions ?? []).map((fn) => [fn.name, parse(`${op}, function '${fn.name}'`, fn)]),
  );
  const count = parsed.parameters.length;
  return (inputs, output) => {
    if (inputs.length !== count)
      throw new KernelError(`${op}: takes ${count} arguments (${parsed.parameters.join(', ')}), got ${inputs.length}`);
    const shape = output();
    if (shape.some((size) => !Number.isInteger(size) || size < 0))
      throw new KernelError(`${op}: the output's shape [${shape.join(', ')}] must be of whole numbers`);
    const dtype = computedDtype(inputs);
    const resultDtype = definition.dtype ?? dtype;
    if (sizeOf(shape) === 0) return graph.constant(0, shape, resultDtype);
    const axes = definition.threadAxes ?? (Math.min(3, Math.max(1, shape.length)) as 1 | 2 | 3);
    const grid = joinedShape(shape, axes);
    const parameters = parsed.parameters.map((name, k): [string, Value] => {
      const input = nth(inputs, k);
      return [name, typeof input === 'number' ? input : { kind: 'array', name, source: input }];
    });
    try {
      const value = traceKernel(parsed, {
        parameters: new Map(parameters),
        threads: grid.toReversed(),
        constants: definition.constants ?? {},
        functions,
        dtype,
        loopMaxIterations: definition.loopMaxIterations ?? null,
      });
      const operand = operandOf(value);
      if (operand === null) throw new KernelError(`${op}: returns one of its arguments: index it to get a number`);
      const node = graph.cast(typeof operand === 'number' ? floatOf(operand, dtype) : operand, resultDtype);
      return graph.reshape(broadcastTo(node, grid, op), shape);
    } catch (error) {
      if (!(error instanceof KernelTraceError)) throw error;
      const { position } = error;
      const place = position === null ? '' : ` (line ${position.line}, column ${position.column} of the function)`;
      throw new KernelError(`${op}${place}: ${error.message}`, { cause: error });
    }
  };
}
