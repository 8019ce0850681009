/** Declarations as a reader wants to see them: without bodies, modifiers that say nothing, and what is private. */
import ts from 'typescript';
import type { Exported, Reference } from './exports.ts';

/** A part of an export: its own declaration, or members of a base class that is not exported itself. */
export interface Part {
  readonly code: string;
  /** What a base class says about its members; null for the declaration itself. */
  readonly about: string | null;
}

/** The text of a docstring with its tags, as it is written; empty if there is none. */
function docstringOf(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
  if (comment === undefined) return '';
  return comment
    .getText()
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();
}

/** The statement of a declaration: that of a constant carries the docstring. */
const statementOf = (node: ts.Declaration): ts.Node => (ts.isVariableDeclaration(node) ? node.parent.parent : node);

export const docstringOfExport = ({ declarations }: Exported): string =>
  declarations.map((node) => docstringOf(statementOf(node))).find((text) => text !== '') ?? '';

/** Whether a reader learns what an export is for: from its docstring, or from those of all members of an interface. */
export const isDocumented = (exported: Exported): boolean =>
  docstringOfExport(exported) !== '' ||
  exported.declarations.every(
    (node) =>
      ts.isInterfaceDeclaration(node) &&
      node.members.length > 0 &&
      node.members.every((member) => docstringOf(member) !== ''),
  );

const isHidden = (member: ts.ClassElement | ts.TypeElement): boolean =>
  (ts.canHaveModifiers(member) &&
    (ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false)) ||
  (member.name !== undefined && ts.isPrivateIdentifier(member.name));

/** Text of a node without `export declare`, with two spaces for each level and short names of imported types. */
const tidy = (text: string): string =>
  text
    .replace(/^(export )?(declare )?/, '')
    .replaceAll(/import\("[^"]+"\)\./g, '')
    .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2));

/** The type of a constant can be long, and is then only inferred. */
const mostLines = 60;

function shortened(text: string): string {
  const lines = text.split('\n');
  if (lines.length <= mostLines || !text.startsWith('const ')) return text;
  return [...lines.slice(0, mostLines), `// ... and ${lines.length - mostLines} more lines of its type`].join('\n');
}

/** The longest line that is not wrapped: as wide as the column of the page. */
const widest = 84;

/** A function, method or constructor whose line is too long, with a line for each parameter; otherwise its text as it is. */
function wrapped(node: ts.Node, text: string, indent: string): string {
  if (text.includes('\n') || text.length + indent.length <= widest || !ts.isFunctionLike(node)) return text;
  const source = node.getSourceFile().text;
  const [first] = node.parameters;
  if (first === undefined) return text;
  const head = tidy(source.slice(node.getStart(), node.parameters.pos));
  const close = source.indexOf(')', node.parameters.end);
  const parameters = node.parameters.map((parameter) => `${indent}  ${tidy(parameter.getText())},\n`).join('');
  return `${head}\n${parameters}${indent}${tidy(source.slice(close, node.getEnd()))}`;
}

/** A member with its docstring, indented once. */
function memberText(member: ts.Node): string {
  const comment = member.getSourceFile().text.slice(member.getFullStart(), member.getStart()).trim();
  const docs = comment.split('\n').map((line, k) => `  ${k === 0 ? '' : ' '}${line.trim()}\n`);
  return `${comment === '' ? '' : docs.join('')}  ${wrapped(member, tidy(member.getText()), '  ')}`;
}

/** The head of a class, up to its brace, and its members that are not hidden. */
function classText(node: ts.ClassDeclaration): string {
  const source = node.getSourceFile().text;
  const open = source.indexOf('{', Math.max(node.name?.getEnd() ?? 0, node.heritageClauses?.end ?? 0));
  const head = tidy(source.slice(node.getStart(), open));
  return `${head}{\n${node.members
    .filter((member) => !isHidden(member))
    .map(memberText)
    .join('\n')}\n}`;
}

/** Base classes that are not exported, whose members a reader can find nowhere else, the nearest first. */
function hiddenBases(node: ts.ClassDeclaration, { checker, has }: Reference): ts.ClassDeclaration[] {
  const base = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
  const symbol = base && checker.getSymbolAtLocation(base.expression);
  const actual = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declaration = actual?.declarations?.find(ts.isClassDeclaration);
  if (actual === undefined || declaration === undefined || has(actual)) return [];
  if (declaration.getSourceFile().fileName.includes('/node_modules/')) return [];
  return [declaration, ...hiddenBases(declaration, { checker, has } as Reference)];
}

function membersOfModule(node: ts.Declaration, { checker }: Reference): string {
  const symbol = ts.isNamespaceExport(node) && checker.getSymbolAtLocation(node.name);
  const module = symbol && checker.getAliasedSymbol(symbol);
  if (!module) return node.getText();
  const names = checker.getExportsOfModule(module).map(({ name }) => name);
  const { name } = node as ts.NamespaceExport;
  return `const ${name.text}: {\n${names
    .sort()
    .map((member) => `  ${member},`)
    .join('\n')}\n}`;
}

/** The parts that make up an export: its declarations, then the members of its hidden base classes. */
export function partsOf(exported: Exported, reference: Reference): Part[] {
  const own = exported.declarations.map((node): Part => {
    if (ts.isClassDeclaration(node)) return { code: classText(node), about: null };
    if (ts.isNamespaceExport(node)) return { code: membersOfModule(node, reference), about: null };
    return { code: shortened(wrapped(node, tidy(statementOf(node).getText()), '')), about: null };
  });
  const inherited = exported.declarations.filter(ts.isClassDeclaration).flatMap((node) => hiddenBases(node, reference));
  return [
    ...own,
    ...inherited.flatMap((base): Part[] => {
      const members = base.members.filter((member) => !isHidden(member) && !ts.isConstructorDeclaration(member));
      return members.length === 0
        ? []
        : [{ code: members.map(memberText).join('\n').replaceAll(/^ {2}/gm, ''), about: docstringOf(base) }];
    }),
  ];
}
