/** Modules as text, in PyTorch's form: the tree of modules with their settings. */

/** What is printed of a module. */
export interface PrintedModule {
  members(): Iterable<readonly [name: string, member: object]>;
  extraRepr(): string;
}

const isModule = (value: object): value is PrintedModule =>
  typeof (value as Partial<PrintedModule>).extraRepr === 'function';

/** A name and what is printed there: a module, or the modules of an array. */
type Entry = readonly [name: string, text: string];

const indent = (text: string): string => text.replaceAll('\n', '\n  ');

/** `Name(extra)`, or with lines for the children. */
function block(name: string, extra: string, children: readonly Entry[]): string {
  const extraLines = extra === '' ? [] : extra.split('\n');
  if (children.length === 0 && extraLines.length <= 1) return `${name}(${extra})`;
  const lines = [...extraLines, ...children.map(([key, text]) => `(${key}): ${text}`)];
  return `${name}(\n  ${lines.map(indent).join('\n  ')}\n)`;
}

/** Equal neighbors of a list as one line: `(0-2): 3 x Block(...)`. */
function merged(entries: readonly Entry[]): Entry[] {
  const groups: { first: string; last: string; count: number; text: string }[] = [];
  for (const [name, text] of entries) {
    const previous = groups.at(-1);
    if (previous?.text === text) Object.assign(previous, { last: name, count: previous.count + 1 });
    else groups.push({ first: name, last: name, count: 1, text });
  }
  return groups.map(({ first, last, count, text }) =>
    count === 1 ? [first, text] : [`${first}-${last}`, `${count} x ${text}`],
  );
}

/** The children with their names. Those of an array, `blocks.0` and `blocks.1`, are a list `blocks`. */
function entriesOf(children: readonly (readonly [name: string, module: PrintedModule])[]): Entry[] {
  const groups = new Map<string, [name: string, module: PrintedModule][]>();
  for (const [name, module] of children) {
    const dot = name.indexOf('.');
    const key = dot < 0 ? name : name.slice(0, dot);
    const rest = dot < 0 ? '' : name.slice(dot + 1);
    groups.set(key, [...(groups.get(key) ?? []), [rest, module]]);
  }
  return [...groups].map(([key, members]) => {
    const [only] = members;
    if (only !== undefined && only[0] === '') return [key, printModule(only[1])];
    return [key, block('ModuleList', '', merged(entriesOf(members)))];
  });
}

/** The children, where those of a child named '' count as the parent's. */
const childrenOf = (module: PrintedModule): (readonly [name: string, module: PrintedModule])[] =>
  [...module.members()].flatMap(([name, member]) => {
    if (!isModule(member)) return [];
    return name === '' ? childrenOf(member) : [[name, member] as const];
  });

export function printModule(module: PrintedModule): string {
  const { name } = module.constructor;
  const entries = entriesOf(childrenOf(module));
  return block(name, module.extraRepr(), name === 'ModuleList' ? merged(entries) : entries);
}

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
