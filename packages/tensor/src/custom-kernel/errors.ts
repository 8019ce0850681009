import type { AnyNode } from 'acorn';
import { lineOffset } from './parse.ts';
import type { Value } from './values.ts';

/** Something in the function's text that cannot be expressed; `position` is where, both counted from 1. */
export class KernelTraceError extends Error {
  override name = 'KernelTraceError';
  readonly position: { readonly line: number; readonly column: number } | null;

  constructor(message: string, node: AnyNode) {
    super(message);
    const start = node.loc?.start;
    this.position = start === undefined ? null : { line: start.line - lineOffset, column: start.column + 1 };
  }
}

export const fail = (node: AnyNode, message: string): never => {
  throw new KernelTraceError(message, node);
};

export const describeArray = (value: Value): string =>
  typeof value === 'object' && value.kind === 'array'
    ? `argument '${value.name}' is a tensor of shape [${value.source.shape.join(', ')}]: index it to get a number`
    : 'a number was expected';
