/** Small dense matrices in f64. */

/** A matrix [rows, columns] whose elements can be changed. Indices are not checked. */
export class Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly #values: Float64Array;

  private constructor(rows: number, columns: number, values: Float64Array) {
    this.rows = rows;
    this.columns = columns;
    this.#values = values;
  }

  /** The matrix with the element `value(row, column)` at each place. */
  static from(rows: number, columns: number, value: (row: number, column: number) => number): Matrix {
    const values = new Float64Array(rows * columns);
    for (let row = 0, k = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, k++) values[k] = value(row, column);
    return new Matrix(rows, columns, values);
  }

  /** @param values row-major [rows, columns]; they are copied */
  static of(rows: number, columns: number, values: ArrayLike<number>): Matrix {
    if (values.length !== rows * columns)
      throw new RangeError(`Matrix.of: ${values.length} values, expected ${rows} x ${columns}`);
    return new Matrix(rows, columns, Float64Array.from(values));
  }

  get(row: number, column: number): number {
    return this.#values[row * this.columns + column] as number;
  }

  set(row: number, column: number, value: number): void {
    this.#values[row * this.columns + column] = value;
  }

  copy(): Matrix {
    return new Matrix(this.rows, this.columns, this.#values.slice());
  }

  column(column: number): number[] {
    return Array.from({ length: this.rows }, (_, row) => this.get(row, column));
  }

  /** Sum of the squares of all elements, row by row. */
  squaredNorm(): number {
    return this.#values.reduce((sum, value) => sum + value * value, 0);
  }

  /** This matrix times another one. */
  times(other: Matrix): Matrix {
    return Matrix.from(this.rows, other.columns, (row, column) => {
      let sum = 0;
      for (let k = 0; k < this.columns; k++) sum += this.get(row, k) * other.get(k, column);
      return sum;
    });
  }

  /** The transpose of this matrix times another one. */
  transposedTimes(other: Matrix): Matrix {
    return Matrix.from(this.columns, other.columns, (row, column) => {
      let sum = 0;
      for (let k = 0; k < this.rows; k++) sum += this.get(k, row) * other.get(k, column);
      return sum;
    });
  }
}
