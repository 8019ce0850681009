/** Translation of tensor names between Tessera and other libraries. */
import type { StateDict } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';

/**
 * The names of tensors in Tessera and in a file. In a pattern `*` matches anything without a dot, and `**` matches anything. The
 * wildcards of both sides match the same texts in the same order.
 */
export interface NameRow {
  readonly ours: string;
  /** Several names: our tensor is the concatenation of their tensors along axis 0. */
  readonly theirs: string | readonly string[];
  /** Whether their matrix is the transpose of ours. */
  readonly transposed?: boolean;
}

export type NameTable = readonly NameRow[];

interface Pattern {
  /** The texts that the wildcards match in `name`; null if the name does not match. */
  match(name: string): readonly string[] | null;
  /** The name in which these texts replace the wildcards. */
  fill(values: readonly string[]): string;
}

const patterns = new Map<string, Pattern>();

function patternOf(source: string): Pattern {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const parts = source.split(/\*\*?/);
  const wildcards = [...source.matchAll(/\*\*?/g)].map(([text]) => (text === '**' ? '(.+)' : '([^.]+)'));
  const quote = (text: string): string => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
  const expression = new RegExp(`^${parts.map((part, k) => quote(part) + (wildcards[k] ?? '')).join('')}$`);
  const pattern: Pattern = {
    match: (name) => expression.exec(name)?.slice(1) ?? null,
    fill: (values) => parts.map((part, k) => part + (values[k] ?? '')).join(''),
  };
  patterns.set(source, pattern);
  return pattern;
}

/** Whether one of the patterns matches the name. */
export const matchesAny = (name: string, sources: readonly string[]): boolean =>
  sources.some((source) => patternOf(source).match(name) !== null);

const theirsOf = ({ theirs }: NameRow): readonly string[] => (typeof theirs === 'string' ? [theirs] : theirs);

/** A row of the table applied to one tensor, with the names on both sides. */
interface Translation {
  readonly row: NameRow;
  readonly ours: string;
  readonly theirs: readonly string[];
}

function translate(row: NameRow, values: readonly string[]): Translation {
  return {
    row,
    ours: patternOf(row.ours).fill(values),
    theirs: theirsOf(row).map((theirs) => patternOf(theirs).fill(values)),
  };
}

function fromOurs(name: string, table: NameTable): Translation | null {
  for (const row of table) {
    const values = patternOf(row.ours).match(name);
    if (values !== null) return translate(row, values);
  }
  return null;
}

function fromTheirs(name: string, table: NameTable): Translation | null {
  for (const row of table)
    for (const theirs of theirsOf(row)) {
      const values = patternOf(theirs).match(name);
      if (values !== null) return translate(row, values);
    }
  return null;
}

/** The names in a file for one of our names; empty if the table has none. */
export const theirNames = (name: string, table: NameTable): readonly string[] => fromOurs(name, table)?.theirs ?? [];

/** A file's tensors under our names. Tensors that the table does not contain, and those with missing parts, are left out. */
export function toOurNames(state: StateDict, table: NameTable): Map<string, Tensor> {
  const translated = new Map<string, Tensor>();
  for (const name of state.keys()) {
    const found = fromTheirs(name, table);
    if (found === null || translated.has(found.ours)) continue;
    const parts = found.theirs.flatMap((theirs) => state.get(theirs) ?? []);
    if (parts.length < found.theirs.length || parts.some((part) => part.ndim === 0) !== (parts[0]?.ndim === 0))
      continue;
    translated.set(found.ours, joined(parts, found.row));
  }
  return translated;
}

function joined(parts: readonly Tensor[], { transposed }: NameRow): Tensor {
  const [first, ...others] = parts;
  const whole = first !== undefined && others.length === 0 ? first : concat(parts, 0);
  return transposed && whole.ndim === 2 ? whole.transpose(0, 1) : whole;
}

/** A module's tensors under a file's names. @throws if the table has no name for one of them */
export function toTheirNames(state: StateDict, table: NameTable): Map<string, Tensor> {
  const translated = new Map<string, Tensor>();
  for (const [name, tensor] of state) {
    const found = fromOurs(name, table);
    if (found === null) throw new Error(`has no name for ${name}`);
    const whole = found.row.transposed ? tensor.transpose(0, 1) : tensor;
    const rows = (whole.shape[0] ?? 1) / found.theirs.length;
    for (const [k, theirs] of found.theirs.entries())
      translated.set(theirs, found.theirs.length === 1 ? whole : whole.slice(0, k * rows, (k + 1) * rows));
  }
  return translated;
}
