import type { StateDict } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';

/**
 * How tensors of one model are named here and in a file. In a pattern `*` stands for anything without a dot, `**` for anything at
 * all; what they stand for is the same on both sides, in order.
 */
export interface NameRow {
  readonly ours: string;
  /** Several: our tensor is theirs one below the other, along axis 0. */
  readonly theirs: string | readonly string[];
  /** Their matrix is ours transposed. */
  readonly transposed?: boolean;
}

export type NameTable = readonly NameRow[];

interface Pattern {
  /** What the wildcards stand for in `name`; null where the pattern is another. */
  match(name: string): readonly string[] | null;
  /** The name with the wildcards filled in. */
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

/** True where one of the patterns fits the name. */
export const matchesAny = (name: string, sources: readonly string[]): boolean =>
  sources.some((source) => patternOf(source).match(name) !== null);

const theirsOf = ({ theirs }: NameRow): readonly string[] => (typeof theirs === 'string' ? [theirs] : theirs);

/** A row with the names that it stands for. */
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

/** The names in a file for one of ours; none where the format has no place for it. */
export const theirNames = (name: string, table: NameTable): readonly string[] => fromOurs(name, table)?.theirs ?? [];

/** A file's tensors under our names; those that the table does not know, and those of which parts are missing, are left out. */
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
  const whole = parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0);
  return transposed && whole.ndim === 2 ? whole.transpose(0, 1) : whole;
}

/** A module's tensors under a file's names. @throws where the format has no place for one of them */
export function toTheirNames(state: StateDict, table: NameTable): Map<string, Tensor> {
  const translated = new Map<string, Tensor>();
  for (const [name, tensor] of state) {
    const found = fromOurs(name, table);
    if (found === null) throw new Error(`has no place for ${name}`);
    const whole = found.row.transposed ? tensor.transpose(0, 1) : tensor;
    const rows = (whole.shape[0] ?? 1) / found.theirs.length;
    for (const [k, theirs] of found.theirs.entries())
      translated.set(theirs, found.theirs.length === 1 ? whole : whole.slice(0, k * rows, (k + 1) * rows));
  }
  return translated;
}
