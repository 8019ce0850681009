/** Which columns a view of a file has. Plain data. */

/** A column of a view. */
export type ViewColumn =
  /** A column under another name. */
  | { readonly kind: 'column'; readonly from: string }
  /** The texts of several columns, with the weights of the columns. */
  | { readonly kind: 'texts'; readonly from: readonly { readonly column: string; readonly weight: number }[] }
  /**
   * Class k of `names`, where `numbers` has the k of a class number of the file; or, for a column of texts or integers, of the place
   * of a value in `values`.
   */
  | {
      readonly kind: 'class';
      readonly from: string;
      readonly values: readonly (string | number)[] | null;
      readonly numbers: readonly number[];
      readonly names: readonly string[];
    };

/** Columns by their names in the view. Plain data. */
export interface ColumnView {
  readonly columns: Readonly<Record<string, ViewColumn>>;
  /** Whether columns that are not named keep their places. */
  readonly keepOthers: boolean;
}
