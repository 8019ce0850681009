/** Several sources of rows as one split: their columns are found by role, and their classes are joined by name. */
import type { Feature } from '../arrow/features.ts';
import type { ColumnView, ViewColumn } from '../format/column-view.ts';
import { type ColumnRequest, type ColumnRequests, resolveColumns } from '../loader/columns.ts';
import { hasWeightedTexts } from '../loader/texts.ts';
import type { Split } from './split.ts';

/** A split of one source, and what is known about its columns. */
export interface SourceSplit {
  /** For messages. */
  readonly name: string;
  readonly weight: number;
  readonly split: Split;
  /** The names of its columns by role; a role without one is found by its usual names. */
  readonly columns: Readonly<Record<string, string | null>>;
}

/** A role of a column: how it is found, and the name that it has in the joined split. */
export type SourceRoles = Readonly<Record<string, ColumnRequest & { readonly joinedName: string }>>;

/** Sources whose columns do not fit. `problems` has a line for each. */
export class SourceError extends Error {
  override name = 'SourceError';
  readonly problems: readonly string[];

  constructor(count: number, problems: readonly string[]) {
    super([`the ${count} sources of data cannot be used together`, ...problems].join('\n  '));
    this.problems = problems;
  }
}

/** The columns of a source by role, null where it has none. Problems are collected. */
function columnsOf(source: SourceSplit, roles: SourceRoles, problems: string[]): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const [role, { joinedName: _, ...request }] of Object.entries(roles)) {
    const requests: ColumnRequests = { [role]: { ...request, name: source.columns[role] ?? null } };
    try {
      found[role] = resolveColumns(source.split.features, requests, `source ${source.name}`)[role]?.column ?? null;
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return found;
}

/** The classes of a column. */
interface Classes {
  readonly source: string;
  readonly names: readonly string[];
  readonly areNumbers: boolean;
}

function classesOf({ name, split }: SourceSplit, column: string): Classes {
  const f = split.features[column];
  const one = f?.type === 'list' ? f.feature : f;
  const names = one?.type === 'class' ? one.names : [];
  return { source: name, names, areNumbers: names.every((each) => /^-?\d+$/.test(each)) };
}

/** The names of all classes. Numbers are in ascending order; names in the order of the sources. */
function joinClasses(role: string, all: readonly Classes[], problems: string[]): string[] {
  const named = all.find(({ areNumbers }) => !areNumbers);
  const numbered = all.find(({ areNumbers, names }) => areNumbers && names.length > 0);
  const shown = (names: readonly string[]): string =>
    `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
  if (named !== undefined && numbered !== undefined)
    problems.push(
      `${role}: the classes of source ${named.source} are names (${shown(named.names)}), those of source ${numbered.source} are numbers without names (${shown(numbered.names)}): add a column with the names, or leave one of the sources out`,
    );
  const joined = [...new Set(all.flatMap(({ names }) => names))];
  return named === undefined ? joined.sort((a, b) => Number(a) - Number(b)) : joined;
}

/** The view in which each source has the same columns, with the same classes. */
type SourceViews = (source: SourceSplit) => ColumnView;

/**
 * Finds out how the columns of all sources become those of one split.
 *
 * @param sources their training splits
 * @throws SourceError where a source lacks a column, or classes or features do not fit; the message has all problems
 */
export function unifySources(sources: readonly SourceSplit[], roles: SourceRoles): SourceViews {
  const problems: string[] = [];
  const found = new Map(sources.map((source) => [source.name, columnsOf(source, roles, problems)]));
  const classNames: Record<string, string[]> = {};
  for (const [role, { kind }] of Object.entries(roles)) {
    const having = sources.filter(({ name }) => typeof found.get(name)?.[role] === 'string');
    const columnOf = ({ name }: SourceSplit): string => found.get(name)?.[role] as string;
    if (kind === 'class' || kind === 'classes') {
      const all = having.map((source) => classesOf(source, columnOf(source)));
      classNames[role] = joinClasses(role, all, problems);
    } else if (kind === 'objects' || kind === 'mask') checkEqual(role, having, columnOf, problems);
  }
  if (problems.length > 0) throw new SourceError(sources.length, problems);
  const isFound = (role: string): boolean => sources.some(({ name }) => typeof found.get(name)?.[role] === 'string');
  const used = Object.fromEntries(Object.entries(roles).filter(([role]) => isFound(role)));
  return (source) =>
    viewOf(source, used, found.get(source.name) ?? {}, {
      classNames,
      factor: sources.length,
      offset: sources.findIndex(({ name }) => name === source.name),
    });
}

/** Columns whose values cannot be converted must be equal. */
function checkEqual(
  role: string,
  sources: readonly SourceSplit[],
  columnOf: (source: SourceSplit) => string,
  problems: string[],
): void {
  const [first, ...others] = sources;
  const keyOf = (source: SourceSplit): string => JSON.stringify(source.split.features[columnOf(source)]);
  for (const other of others)
    if (first !== undefined && keyOf(other) !== keyOf(first))
      problems.push(`${role}: the columns of sources ${first.name} and ${other.name} have different types or classes`);
}

interface Unified {
  readonly classNames: Readonly<Record<string, readonly string[]>>;
  /** Numbers of concepts mean something in their source only: they are multiplied and moved, so that no two sources share one. */
  readonly factor: number;
  readonly offset: number;
}

function viewOf(
  { split }: SourceSplit,
  roles: SourceRoles,
  found: Readonly<Record<string, string | null>>,
  { classNames, factor, offset }: Unified,
): ColumnView {
  const columns: Record<string, ViewColumn> = {};
  for (const [role, { kind, joinedName }] of Object.entries(roles)) {
    const column = found[role] ?? null;
    if (kind === 'integer') columns[joinedName] = { kind: 'integer', from: column, factor, offset };
    else if (column !== null) columns[joinedName] = columnView(kind, column, split, classNames[role] ?? []);
  }
  return { columns, keepOthers: false };
}

function columnView(kind: ColumnRequest['kind'], from: string, split: Split, joined: readonly string[]): ViewColumn {
  if (kind === 'image') return { kind, from };
  if (kind === 'texts' && !hasWeightedTexts(split.features[from] as Feature))
    return { kind, from: [{ column: from, weight: 1 }] };
  if (kind !== 'class' && kind !== 'classes') return { kind: 'column', from };
  const f = split.features[from] as Feature;
  const one = f.type === 'list' ? f.feature : f;
  const names = one.type === 'class' ? one.names : [];
  return {
    kind: 'class',
    from,
    values: split.classes[from] ?? null,
    numbers: names.map((name) => joined.indexOf(name)),
    names: joined,
    isList: f.type === 'list',
  };
}
