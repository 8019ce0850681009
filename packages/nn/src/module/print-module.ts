/** Modules as text, in PyTorch's form: the tree of modules with their settings. */

/** What is printed of a module. */
export interface PrintedModule {
  members(): Iterable<readonly [name: string, member: object]>;
  extraRepr(): string;
}

export const isModule = (value: object): value is PrintedModule =>
  typeof (value as Partial<PrintedModule>).extraRepr === 'function';

/** A module with those below it, as they are printed; or a list of modules that is an array. */
export interface ModuleTree {
  /** The class; `ModuleList` for an array. */
  readonly type: string;
  readonly extra: string;
  readonly children: readonly TreeEntry[];
  /** The modules that this line stands for: none for an array, several for equal neighbors in a list. */
  readonly modules: readonly PrintedModule[];
}

/** A child with its name: `conv1`, or `0-2` for equal neighbors in a list. */
interface TreeEntry {
  readonly name: string;
  readonly tree: ModuleTree;
}

const indent = (text: string): string => text.replaceAll('\n', '\n  ');

/** `Name(extra)`, or with lines for the children. */
function textOf({ type, extra, children }: ModuleTree): string {
  const extraLines = extra === '' ? [] : extra.split('\n');
  if (children.length === 0 && extraLines.length <= 1) return `${type}(${extra})`;
  const lines = [...extraLines, ...children.map(({ name, tree }) => `(${name}): ${countOf(tree)}${textOf(tree)}`)];
  return `${type}(\n  ${lines.map(indent).join('\n  ')}\n)`;
}

/** `3 x ` for equal neighbors. */
export const countOf = ({ modules }: ModuleTree): string => (modules.length > 1 ? `${modules.length} x ` : '');

/** Equal neighbors of a list as one entry: `(0-2): 3 x Block(...)`. */
function merged(entries: readonly TreeEntry[]): TreeEntry[] {
  const groups: { first: string; last: string; text: string; trees: ModuleTree[] }[] = [];
  for (const { name, tree } of entries) {
    const text = textOf(tree);
    const previous = groups.at(-1);
    if (previous?.text === text) {
      previous.last = name;
      previous.trees.push(tree);
    } else groups.push({ first: name, last: name, text, trees: [tree] });
  }
  return groups.map(({ first, last, trees }) => ({
    name: trees.length === 1 ? first : `${first}-${last}`,
    tree: { ...(trees[0] as ModuleTree), modules: trees.flatMap(({ modules }) => modules) },
  }));
}

/** The children with their names. Those of an array, `blocks.0` and `blocks.1`, are a list `blocks`. */
function entriesOf(children: readonly (readonly [name: string, module: PrintedModule])[]): TreeEntry[] {
  const groups = new Map<string, [name: string, module: PrintedModule][]>();
  for (const [name, module] of children) {
    const dot = name.indexOf('.');
    const key = dot < 0 ? name : name.slice(0, dot);
    const rest = dot < 0 ? '' : name.slice(dot + 1);
    groups.set(key, [...(groups.get(key) ?? []), [rest, module]]);
  }
  return [...groups].map(([name, members]) => {
    const [only] = members;
    if (only !== undefined && only[0] === '') return { name, tree: moduleTree(only[1]) };
    return { name, tree: { type: 'ModuleList', extra: '', children: merged(entriesOf(members)), modules: [] } };
  });
}

/** The children, where those of a child named '' count as the parent's. */
const childrenOf = (module: PrintedModule): (readonly [name: string, module: PrintedModule])[] =>
  [...module.members()].flatMap(([name, member]) => {
    if (!isModule(member)) return [];
    return name === '' ? childrenOf(member) : [[name, member] as const];
  });

/** The tree of a module, with equal neighbors of lists as one entry. */
export function moduleTree(module: PrintedModule): ModuleTree {
  const { name: type } = module.constructor;
  const entries = entriesOf(childrenOf(module));
  return {
    type,
    extra: module.extraRepr(),
    children: type === 'ModuleList' ? merged(entries) : entries,
    modules: [module],
  };
}

export const printModule = (module: PrintedModule): string => textOf(moduleTree(module));

/** A number that Python keeps as a float: `1.0`. */
class PythonFloat {
  readonly #value: number;

  constructor(value: number) {
    this.#value = value;
  }

  toString(): string {
    const text = pythonNumber(this.#value);
    return /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
}

export const pythonFloat = (value: number): PythonFloat => new PythonFloat(value);

/** The same for each of several numbers. */
export const pythonFloats = (value: number | readonly number[] | undefined): unknown =>
  typeof value === 'number' ? pythonFloat(value) : value?.map(pythonFloat);

/** A value as Python writes it: `True`, `None`, `1e-05`, `(3, 3)`. */
export function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return pythonNumber(value);
  if (Array.isArray(value)) return `(${value.map(pythonValue).join(', ')}${value.length === 1 ? ',' : ''})`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function pythonNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) return String(value);
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return `${mantissa}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
}

/** `in_features=3, bias=True`: settings under PyTorch's names, which have underscores. */
export const settings = (values: object): string =>
  Object.entries(values)
    .map(([name, value]) => `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${pythonValue(value)}`)
    .join(', ');

const isSetting = (value: unknown): boolean =>
  ['number', 'boolean', 'string'].includes(typeof value) ||
  (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number'));

/** The settings that a module without children keeps in fields; none of one with children, as in PyTorch. */
export function settingsInFields(module: PrintedModule): string {
  if (childrenOf(module).length > 0) return '';
  return settings(
    Object.fromEntries(Object.entries(module).filter(([name, value]) => name !== 'training' && isSetting(value))),
  );
}
