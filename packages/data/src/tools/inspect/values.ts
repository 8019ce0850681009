/** Statistics of labels and of columns of numbers. */
import type { Value } from '../../arrow/column.ts';
import type { Feature, Features } from '../../arrow/features.ts';
import { canBeClasses } from '../../dataset/classes.ts';
import { usualColumns } from '../../loader/columns.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

export interface LabelStatistics {
  readonly column: string;
  /** The number of classes that are declared, or were found. */
  readonly classes: number;
  /** Rows without a label. */
  readonly missing: number;
  /** The rows of each class, the most frequent first. Classes without rows are among them. */
  readonly counts: readonly { readonly name: string; readonly rows: number }[];
}

export interface NumberStatistics {
  readonly column: string;
  readonly missing: number;
  readonly values: Quantiles | null;
}

/** A column of texts or integers with more different values has no labels. */
const mostClasses = 10_000;

/** The columns of labels: those with names of classes, and those that are usually labels. */
export const labelColumns = (features: Features): string[] =>
  Object.entries(features).flatMap(([name, f]) => {
    const own = f.type === 'list' ? f.feature : f;
    const usual: readonly string[] = usualColumns.label.names;
    return own.type === 'class' || (usual.includes(name) && canBeClasses(f)) ? [name] : [];
  });

/** The columns of numbers that are not labels. */
export const numberColumns = (features: Features): string[] => {
  const labels = labelColumns(features);
  const isNumber = (f: Feature): boolean => f.type === 'value' && /^(u?int|float)/.test(f.dtype);
  return Object.entries(features).flatMap(([name, f]) => (isNumber(f) && !labels.includes(name) ? [name] : []));
};

export class LabelCounter {
  readonly #column: string;
  readonly #names: readonly string[] | null;
  readonly #counts = new Map<string, number>();
  #missing = 0;
  #tooMany = false;

  constructor(column: string, f: Feature | undefined) {
    const own = f?.type === 'list' ? f.feature : f;
    this.#column = column;
    this.#names = own?.type === 'class' ? own.names : null;
    for (const name of this.#names ?? []) this.#counts.set(name, 0);
  }

  add(value: Value | undefined): void {
    const values = (Array.isArray(value) ? value : [value ?? null]).filter(
      (each) => each !== null && each !== '' && each !== -1,
    );
    if (values.length === 0) this.#missing++;
    for (const each of values) {
      const name = this.#names === null ? String(each) : (this.#names[Number(each)] ?? `number ${String(each)}`);
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
    if (this.#counts.size > mostClasses && this.#names === null) {
      this.#tooMany = true;
      this.#counts.clear();
    }
  }

  /** Null for a column whose values are too different to be labels. */
  statistics(): LabelStatistics | null {
    if (this.#tooMany) return null;
    return {
      column: this.#column,
      classes: this.#names?.length ?? this.#counts.size,
      missing: this.#missing,
      counts: [...this.#counts].sort(([, a], [, b]) => b - a).map(([name, rows]) => ({ name, rows })),
    };
  }
}

export class NumberCounter {
  readonly #column: string;
  readonly #values: number[] = [];
  #missing = 0;

  constructor(column: string) {
    this.#column = column;
  }

  add(value: Value | undefined): void {
    if (typeof value === 'number' || typeof value === 'bigint') this.#values.push(Number(value));
    else this.#missing++;
  }

  statistics(): NumberStatistics {
    return { column: this.#column, missing: this.#missing, values: quantilesOf(this.#values) };
  }
}
