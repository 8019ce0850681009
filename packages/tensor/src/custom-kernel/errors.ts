/** Errors about a kernel function's text, with their positions. */
import type { AnyNode } from 'acorn';
import { lineOffset } from './parse.ts';
import type { Value } from './values.ts';

/** Something in the function's text cannot be compiled; `position` is where, with line and column counted from 1. */
export class KernelTraceError extends Error {
  override name = 'KernelTraceError';
  readonly position: { readonly line: number; readonly column: number } | null;

  constructor(message: string, node: AnyNode) {
    super(message);
    const start = node.loc?.start;
    this.position = start === undefined ? null : { line: start.line - lineOffset, column: start.column + 1 };
  }
}

/** Throws a KernelTraceError at the node. */
export const fail = (node: AnyNode, message: string): never => {
  throw new KernelTraceError(message, node);
};

/** The message for an array where a number was expected. */
export const describeArray = (value: Value): string =>
  typeof value === 'object' && value.kind === 'array'
    ? `argument '${value.name}' is a tensor of shape [${value.source.shape.join(', ')}]: index it to get a number`
    : 'a number was expected';
