/** One curve of a chart, as it is drawn. */
export interface Series {
  /** Of its run; the same in all charts. */
  readonly id: string;
  readonly label: string;
  readonly color: string;
  readonly x: readonly number[];
  /** What is drawn as a line. */
  readonly y: readonly (number | null)[];
  /** The values before smoothing, drawn pale; null: they are the line. */
  readonly raw: readonly (number | null)[] | null;
  /** The smallest and the largest value of each group, drawn as a band; null: none. */
  readonly band: { readonly min: readonly (number | null)[]; readonly max: readonly (number | null)[] } | null;
  readonly dash: readonly number[];
  /** Whether each value has a dot: evaluations are few. */
  readonly hasDots: boolean;
}
