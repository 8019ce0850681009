/** How a workgroup cuts its part out of a matrix product. */

interface TileShape {
  /** Names the variant in caches and reports. */
  readonly name: string;
  /** A workgroup computes this many rows and columns of the result, `depth` terms of each sum at a time. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Copies of the operands' tiles in workgroup memory: with 2, one is filled while the other is read. */
  readonly stages: 1 | 2;
}

/** Each invocation computes `rowQuads` times `columnQuads` squares of 4 by 4 elements with multiply-adds. */
export interface ScalarTile extends TileShape {
  readonly core: 'scalar';
  readonly rowQuads: number;
  readonly columnQuads: number;
}

/** Each subgroup computes `rowUnits` times `columnUnits` of the device's matrices, from 16-bit operands. */
export interface MatrixTile extends TileShape {
  readonly core: 'matrix';
  readonly unit: MatrixUnit;
  readonly rowUnits: number;
  readonly columnUnits: number;
  readonly subgroupSize: number;
}

export type Tile = ScalarTile | MatrixTile;

/** Sizes of the matrices that a subgroup multiplies in one instruction: m x k times k x n, 16-bit floats, summed in 32 bits. */
export interface MatrixUnit {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}
