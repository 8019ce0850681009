/** The types of tiles: how a workgroup computes its part of a matrix product. */

interface TileShape {
  /** Identifies the tile in caches and reports. */
  readonly name: string;
  /** A workgroup computes this number of rows and columns of the result, `depth` terms of each sum at a time. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** The number of copies of the operands' tiles in workgroup memory: with 2, one is filled while the other is read. */
  readonly stages: 1 | 2;
}

/** Each invocation computes `rowQuads` x `columnQuads` squares of 4 x 4 elements with multiply-adds. */
export interface ScalarTile extends TileShape {
  readonly core: 'scalar';
  readonly rowQuads: number;
  readonly columnQuads: number;
}

/** Each subgroup computes `rowUnits` x `columnUnits` matrices of the device's matrix unit, from 16-bit operands. */
export interface MatrixTile extends TileShape {
  readonly core: 'matrix';
  readonly unit: MatrixUnit;
  readonly rowUnits: number;
  readonly columnUnits: number;
  readonly subgroupSize: number;
}

export type Tile = ScalarTile | MatrixTile;

/** The sizes of the matrices that a subgroup multiplies in one instruction: m x k times k x n, in 16-bit floats with 32-bit sums. */
export interface MatrixUnit {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}
