/** Which columns a view of a file has. Plain data. */

/** A column of a view. */
export type ViewColumn =
  /** A column under another name. */
  | { readonly kind: 'column'; readonly from: string }
  /** Encoded images, of an image column or of bytes. */
  | { readonly kind: 'image'; readonly from: string }
  /** An integer times `factor`, plus `offset`; null: the file has no such column. */
  | { readonly kind: 'integer'; readonly from: string | null; readonly factor: number; readonly offset: number }
  /** The texts of several columns, with the weights of the columns. */
  | { readonly kind: 'texts'; readonly from: readonly { readonly column: string; readonly weight: number }[] }
  /**
   * Class k of `names`, where `numbers` has the k of a class number of the file; or, for a column of texts or integers, of the place
   * of a value in `values`. Of a list, each element.
   */
  | {
      readonly kind: 'class';
      readonly from: string;
      readonly values: readonly (string | number)[] | null;
      readonly numbers: readonly number[];
      readonly names: readonly string[];
      readonly isList: boolean;
    };

/** Columns by their names in the view. Plain data. */
export interface ColumnView {
  readonly columns: Readonly<Record<string, ViewColumn>>;
  /** Whether columns that are not named keep their places. */
  readonly keepOthers: boolean;
}
