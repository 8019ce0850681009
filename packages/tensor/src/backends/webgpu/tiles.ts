/** The shapes in which matrix products are cut into work for workgroups. All of them are right for every product; devices differ in which is fast. */
import type { DeviceCapabilities } from './capabilities.ts';
import type { MatrixTile, MatrixUnit, ScalarTile, Tile } from './tile.ts';

type Sizes = readonly [rows: number, columns: number, depth: number, rowQuads: number, columnQuads: number];

const scalarSizes: readonly Sizes[] = [
  [256, 128, 8, 4, 2],
  [128, 128, 16, 2, 2],
  [128, 128, 8, 2, 2],
  [128, 64, 16, 2, 2],
  [64, 128, 16, 2, 2],
  [64, 64, 16, 2, 2],
  [64, 64, 16, 1, 1],
  [64, 32, 16, 1, 1],
  [32, 64, 16, 1, 1],
  [32, 32, 16, 1, 1],
  [64, 16, 16, 1, 1],
  [16, 64, 16, 1, 1],
  [16, 32, 32, 1, 1],
];

export const scalarTiles: readonly ScalarTile[] = scalarSizes.map(([rows, columns, depth, rowQuads, columnQuads]) => ({
  core: 'scalar',
  name: `${rows}x${columns}x${depth}, ${4 * rowQuads}x${4 * columnQuads}`,
  rows,
  columns,
  depth,
  stages: 2,
  rowQuads,
  columnQuads,
}));

/** Units of a subgroup, subgroups of a workgroup, units along the sum, stages. */
type MatrixSizes = readonly [
  rowUnits: number,
  columnUnits: number,
  subgroupRows: number,
  subgroupColumns: number,
  depthUnits: number,
  stages: 1 | 2,
];

const matrixSizes: readonly MatrixSizes[] = [
  [4, 4, 4, 2, 2, 1],
  [4, 4, 2, 4, 2, 1],
  [4, 4, 2, 2, 2, 2],
  [2, 4, 4, 2, 2, 2],
  [4, 2, 2, 4, 2, 2],
  [4, 4, 2, 2, 4, 1],
  [2, 2, 2, 2, 2, 2],
  [2, 2, 2, 2, 4, 1],
  [1, 2, 2, 2, 2, 2],
  [1, 1, 2, 2, 2, 2],
];

/** Tiles for a device whose subgroups multiply matrices of this size. */
export function matrixTiles(unit: MatrixUnit, subgroupSize: number): MatrixTile[] {
  return matrixSizes.map(([rowUnits, columnUnits, subgroupRows, subgroupColumns, depthUnits, stages]) => {
    const rows = rowUnits * subgroupRows * unit.m;
    const columns = columnUnits * subgroupColumns * unit.n;
    const depth = depthUnits * unit.k;
    return {
      core: 'matrix',
      name: `${rows}x${columns}x${depth}, ${rowUnits}x${columnUnits} of ${unit.m}x${unit.n}x${unit.k}, ${stages} staged`,
      rows,
      columns,
      depth,
      stages,
      unit,
      rowUnits,
      columnUnits,
      subgroupSize,
    };
  });
}

export const invocationsOf = (tile: Tile): number =>
  tile.core === 'scalar'
    ? (tile.rows / (4 * tile.rowQuads)) * (tile.columns / (4 * tile.columnQuads))
    : subgroupsOf(tile) * tile.subgroupSize;

export const subgroupsOf = ({ rows, columns, unit, rowUnits, columnUnits }: MatrixTile): number =>
  (rows / (rowUnits * unit.m)) * (columns / (columnUnits * unit.n));

/** Bytes that an element takes in workgroup memory. */
const tileElementBytes = (tile: Tile): number => (tile.core === 'scalar' ? 4 : 2);

/**
 * Quads of 4 elements by which the lines of an operand's tile in workgroup memory are longer than its rows, so that lines that are
 * accessed together lie in different banks.
 */
export const linePadding = (tile: Tile): number => (tile.core === 'scalar' ? 1 : 2);

/** Quads of both operands' tiles, all stages together. */
export const tileQuads = (tile: Tile): number =>
  tile.stages * tile.depth * ((tile.rows + tile.columns) / 4 + 2 * linePadding(tile));

/** Workgroup memory of the shader. Matrices leave their registers through memory of their own. */
export const workgroupBytesOf = (tile: Tile): number =>
  tileQuads(tile) * 4 * tileElementBytes(tile) +
  (tile.core === 'matrix' ? subgroupsOf(tile) * tile.unit.m * tile.unit.n * 4 : 0);

/** Whether the device's limits allow the tile. */
export const tileFits = (tile: Tile, device: DeviceCapabilities): boolean =>
  invocationsOf(tile) <= device.invocations && workgroupBytesOf(tile) <= device.workgroupBytes;

/** The tiles that a device can compute with, for operands of 32 bits or of 16. */
export function tilesFor(device: DeviceCapabilities, halfOperands: boolean): readonly Tile[] {
  const { matrixUnits = [], subgroupSize } = device;
  const matrix =
    halfOperands && subgroupSize.min === subgroupSize.max
      ? matrixUnits.flatMap((unit) => matrixTiles(unit, subgroupSize.max))
      : [];
  return [...matrix, ...scalarTiles].filter((tile) => tileFits(tile, device));
}
