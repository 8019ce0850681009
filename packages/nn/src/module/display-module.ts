/** A module in a notebook: the tree that is printed, as a table with the number of parameters of each line. */
import { type MediaBundle, type TableRow, tableHtml } from '@tessera/tensor/display';
import { Parameter } from './parameter.ts';
import { countOf, isModule, type ModuleTree, moduleTree, type PrintedModule, printModule } from './print-module.ts';

/** The printed text, and the table. Computes nothing. */
export function displayModule(module: PrintedModule): MediaBundle {
  const tree = moduleTree(module);
  const anyFrozen = [...parametersBelow(tree)].some(({ requiresGrad }) => !requiresGrad);
  const table = tableHtml({
    head: ['module', 'settings', 'parameters', ...(anyFrozen ? ['of them frozen'] : [])],
    rows: [...rowsOf(tree, '', 0, anyFrozen)],
    textColumns: 2,
  });
  return { 'text/plain': printModule(module), 'text/html': table.text };
}

function* rowsOf(tree: ModuleTree, name: string, depth: number, showsFrozen: boolean): Iterable<TableRow> {
  const parameters = [...parametersBelow(tree)];
  const counts = [parameters, ...(showsFrozen ? [parameters.filter(({ requiresGrad }) => !requiresGrad)] : [])];
  const label = `${name === '' ? '' : `${name}: `}${countOf(tree)}${tree.type}`;
  yield { depth, cells: [label, tree.extra.replaceAll('\n', '; '), ...counts.map(elementsOf)] };
  for (const child of tree.children) yield* rowsOf(child.tree, child.name, depth + 1, showsFrozen);
}

const elementsOf = (parameters: readonly Parameter[]): string => {
  const total = parameters.reduce((sum, { size }) => sum + size, 0);
  return total === 0 ? '' : total.toLocaleString('en-US');
};

/** The parameters of a line and of all lines below it, each once. */
function parametersBelow({ modules, children }: ModuleTree): ReadonlySet<Parameter> {
  if (modules.length === 0) return new Set(children.flatMap(({ tree }) => [...parametersBelow(tree)]));
  return new Set(modules.flatMap((module) => [...parametersOf(module)]));
}

function* parametersOf(module: PrintedModule): Iterable<Parameter> {
  for (const [, member] of module.members())
    if (member instanceof Parameter) yield member;
    else if (isModule(member)) yield* parametersOf(member);
}
