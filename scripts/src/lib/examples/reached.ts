/** The places of a program that must be reached when it runs: an example that prints nothing, or never calls its step, shows nothing. */
import ts from 'typescript';

export interface Place {
  /** Offset in the source. */
  readonly offset: number;
  readonly line: number;
  readonly what: string;
}

/** A range of V8's coverage: how often the characters from `startOffset` to `endOffset` ran. */
export interface CoveredRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

const isNamed = (node: ts.Node, name: string): boolean => ts.isIdentifier(node) && node.text === name;

const isPrint = (node: ts.CallExpression): boolean =>
  ts.isPropertyAccessExpression(node.expression) &&
  isNamed(node.expression.expression, 'console') &&
  isNamed(node.expression.name, 'log');

/** Calls of `console.log`, bodies of loops, and functions that are compiled. */
export function placesToReach(source: string): Place[] {
  const tree = ts.createSourceFile('program.ts', source, ts.ScriptTarget.Latest, true);
  const places: Place[] = [];
  const add = (node: ts.Node, what: string): void => {
    const offset = node.getStart(tree);
    places.push({ offset, line: tree.getLineAndCharacterOfPosition(offset).line + 1, what });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isIterationStatement(node, false)) add(node.statement, 'the body of a loop');
    if (ts.isCallExpression(node)) {
      if (isPrint(node)) add(node, 'console.log');
      const [first] = node.arguments;
      const isFunction = first !== undefined && (ts.isArrowFunction(first) || ts.isFunctionExpression(first));
      if (isFunction && isNamed(node.expression, 'compile')) add(first.body, 'a compiled function');
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return places;
}

/** The places that did not run. Of the ranges that contain a place, the smallest one tells. */
export function unreached(places: readonly Place[], ranges: readonly CoveredRange[]): Place[] {
  return places.filter(({ offset }) => {
    const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
    const smallest = around.toSorted((a, b) => a.endOffset - a.startOffset - (b.endOffset - b.startOffset))[0];
    return smallest === undefined || smallest.count === 0;
  });
}
