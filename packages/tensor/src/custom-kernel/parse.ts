/** Parses the text of a function into a syntax tree. */
import { type AnyNode, type FunctionDeclaration, type FunctionExpression, parseExpressionAt } from 'acorn';

/** A parsed function: parameters are plain names, the body is a list of statements or (of an arrow function) one expression. */
export interface ParsedFunction {
  readonly parameters: readonly string[];
  readonly body: AnyNode;
}

/** The text is not that of a function that kernels support. */
export class KernelSyntaxError extends Error {
  override name = 'KernelSyntaxError';
}

const parseText = (text: string): AnyNode =>
  parseExpressionAt(text, 0, { ecmaVersion: 'latest', locations: true, allowReturnOutsideFunction: true });

/** The text starts on the second line of what is parsed, so positions in it are one line too far down. */
export const lineOffset = 1;

/** Functions, arrow functions, and methods in short form, whose text alone is not an expression. */
function parseFunctionText(text: string): AnyNode {
  try {
    return parseText(`(\n${text}\n)`);
  } catch {
    const object = parseText(`({\n${text}\n})`);
    if (object.type === 'ObjectExpression' && object.properties[0]?.type === 'Property')
      return object.properties[0].value;
    throw new KernelSyntaxError('its text is not that of a function');
  }
}

/** The parameters and the body of a function in a syntax tree. */
export function describeFunction(node: FunctionDeclaration | FunctionExpression | AnyNode): ParsedFunction {
  if (
    node.type !== 'FunctionExpression' &&
    node.type !== 'ArrowFunctionExpression' &&
    node.type !== 'FunctionDeclaration'
  )
    throw new KernelSyntaxError('its text is not that of a function');
  if (node.async || node.generator) throw new KernelSyntaxError('it must be neither async nor a generator');
  const parameters = node.params.map((parameter) => {
    if (parameter.type === 'Identifier') return parameter.name;
    throw new KernelSyntaxError('its parameters must be plain names, without defaults or patterns');
  });
  return { parameters, body: node.body };
}

/** Parses the result of `toString`. Compilers may have removed types and renamed things, but it is JavaScript. */
export function parseFunction(fn: (...values: never[]) => unknown): ParsedFunction {
  const text = Function.prototype.toString.call(fn);
  if (text.includes('[native code]') || text.includes('[bytecode]'))
    throw new KernelSyntaxError('its source text is not available (a native or bound function?)');
  try {
    return describeFunction(parseFunctionText(text));
  } catch (error) {
    if (error instanceof KernelSyntaxError) throw error;
    throw new KernelSyntaxError(`its text does not parse: ${(error as Error).message}`);
  }
}
