/** Which loops are sums or maxima: their turns become an axis, instead of being written out one after the other. */
import type { AnyNode, AssignmentExpression, Expression } from 'acorn';

/** The node and every node below it. */
function* walk(node: AnyNode): Generator<AnyNode> {
  yield node;
  for (const child of Object.values(node) as unknown[])
    for (const part of Array.isArray(child) ? child : [child])
      if (typeof part === 'object' && part !== null && typeof (part as AnyNode).type === 'string')
        yield* walk(part as AnyNode);
}

export interface Accumulation {
  readonly variable: string;
  readonly kind: 'sum' | 'max' | 'min';
  /** What is added or compared, and whether it is subtracted. */
  readonly term: Expression;
  readonly negative: boolean;
}

const isVariable = (node: AnyNode, name: string): boolean => node.type === 'Identifier' && node.name === name;

/** The assignment as a step of a sum, maximum or minimum in its variable; null if it is not one. */
export function accumulationOf({ left, operator, right }: AssignmentExpression): Accumulation | null {
  if (left.type !== 'Identifier') return null;
  const variable = left.name;
  const found = (kind: Accumulation['kind'], term: Expression, negative = false): Accumulation => ({
    variable,
    kind,
    term,
    negative,
  });
  if (operator === '+=') return found('sum', right);
  if (operator === '-=') return found('sum', right, true);
  if (operator !== '=') return null;
  if (right.type === 'BinaryExpression' && right.left.type !== 'PrivateIdentifier') {
    if (right.operator === '+' && isVariable(right.left, variable)) return found('sum', right.right);
    if (right.operator === '+' && isVariable(right.right, variable)) return found('sum', right.left);
    if (right.operator === '-' && isVariable(right.left, variable)) return found('sum', right.right, true);
  }
  if (right.type === 'CallExpression' && right.callee.type === 'MemberExpression' && right.arguments.length === 2) {
    const { object, property } = right.callee;
    const [a, b] = right.arguments as [Expression, Expression];
    const name = property.type === 'Identifier' ? property.name : '';
    if (isVariable(object, 'Math') && (name === 'max' || name === 'min')) {
      if (isVariable(a, variable)) return found(name, b);
      if (isVariable(b, variable)) return found(name, a);
    }
  }
  return null;
}

const leaving: ReadonlySet<string> = new Set([
  'BreakStatement',
  'ContinueStatement',
  'ReturnStatement',
  'WhileStatement',
  'DoWhileStatement',
]);

/**
 * Whether the loop's body computes only sums, maxima and minima: every assignment to a variable from outside is a step of one, that
 * variable is not read anywhere else in the body, and the loop ends only by its own condition. `counter` is the loop's variable;
 * `isOuter` tells whether a name is a variable around the loop, which the body must not shadow.
 */
export function isReduction(body: AnyNode, counter: string, isOuter: (name: string) => boolean): boolean {
  const own = new Set<string>();
  const nodes = [...walk(body)];
  if (nodes.some(({ type }) => leaving.has(type))) return false;
  for (const node of nodes)
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier') own.add(node.id.name);
  if ([...own].some(isOuter)) return false;
  const accumulated = new Map<string, { readonly kind: string; readonly inside: Set<AnyNode> }>();
  for (const node of nodes) {
    if (node.type === 'UpdateExpression' && !(node.argument.type === 'Identifier' && own.has(node.argument.name)))
      return false;
    if (node.type !== 'AssignmentExpression') continue;
    if (node.left.type === 'Identifier' && own.has(node.left.name)) continue;
    if (node.left.type === 'Identifier' && node.left.name === counter) return false;
    const step = accumulationOf(node);
    if (step === null) return false;
    const known = accumulated.get(step.variable) ?? { kind: step.kind, inside: new Set<AnyNode>() };
    if (known.kind !== step.kind) return false;
    // A step names its variable on both sides; the term must not contain it.
    const inTerm = new Set(walk(step.term));
    for (const part of walk(node)) if (!inTerm.has(part)) known.inside.add(part);
    accumulated.set(step.variable, known);
  }
  return nodes.every((node) => node.type !== 'Identifier' || (accumulated.get(node.name)?.inside.has(node) ?? true));
}

/** Whether it is a statement that compilers and test runners put into functions, to name or count something; kernels ignore it. */
export function isInstrumentation(expression: Expression): boolean {
  if (expression.type === 'Literal' && typeof expression.value === 'string') return true;
  return (
    expression.type === 'CallExpression' &&
    expression.callee.type === 'Identifier' &&
    (expression.callee.name === '__name' || expression.callee.name === '__publicField')
  );
}
