/** What depends on constants alone is computed here: a language's compiler may take liberties with 0 / 0 and its like. */

import type { Value } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import { binaryFunction, roundTo, unaryFunction } from '../kernel/semantics.ts';
import type { LoopProgram, Operation } from './simplify.ts';

export function foldConstants(program: LoopProgram): LoopProgram {
  const operations: Operation[] = [];
  const constant = (value: Value): number | null => {
    const operation = nth(operations, value);
    return operation.op === 'const' ? operation.value : null;
  };
  const fold = (operation: Operation): number | null => {
    switch (operation.op) {
      case 'unary': {
        const source = constant(operation.source);
        return source === null ? null : unaryFunction(operation.kind, operation.dtype)(source);
      }
      case 'binary': {
        const { kind } = operation;
        const [a, b] = [constant(operation.a), constant(operation.b)];
        if (a === null || b === null || kind === 'sub' || kind === 'min') return null;
        return binaryFunction(kind, operation.dtype)(a, b);
      }
      default:
        return null;
    }
  };
  for (const operation of program.operations) {
    const value = fold(operation);
    const { dtype } = operation;
    operations.push(value === null ? operation : { op: 'const', value: roundTo[dtype](value), dtype });
  }
  return { ...program, operations };
}
