/** Lists the tiles that matrix products can use. Each of them is correct for every product; which one is fast depends on the device. */
import type { DeviceCapabilities } from './capabilities.ts';
import type { MatrixTile, MatrixUnit, ScalarTile, Tile } from './tile.ts';

type ScalarSizes = readonly [rows: number, columns: number, depth: number, rowQuads: number, columnQuads: number];

const scalarSizes: readonly ScalarSizes[] = [
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

/** Matrix units in a subgroup, subgroups in a workgroup, matrix units along the sum, and stages. */
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

/** The tiles for a device whose subgroups multiply matrices of these sizes. */
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

/** The size of an element in workgroup memory, in bytes. */
const tileElementBytes = (tile: Tile): number => (tile.core === 'scalar' ? 4 : 2);

/**
 * The padding of each line of an operand's tile in workgroup memory, in quads of 4 elements. It puts lines that are accessed together into
 * different banks.
 */
export const linePadding = (tile: Tile): number => (tile.core === 'scalar' ? 1 : 2);

/** The number of quads in both operands' tiles, for all stages together. */
export const tileQuads = (tile: Tile): number =>
  tile.stages * tile.depth * ((tile.rows + tile.columns) / 4 + 2 * linePadding(tile));

/** The shader's workgroup memory in bytes. Matrix units store their sums through additional memory. */
export const workgroupBytesOf = (tile: Tile): number =>
  tileQuads(tile) * 4 * tileElementBytes(tile) +
  (tile.core === 'matrix' ? subgroupsOf(tile) * tile.unit.m * tile.unit.n * 4 : 0);

/** Whether the device's limits allow the tile. */
export const tileFits = (tile: Tile, device: DeviceCapabilities): boolean =>
  invocationsOf(tile) <= device.invocations && workgroupBytesOf(tile) <= device.workgroupBytes;

/** The tiles that the device can use, for 32-bit or (`halfOperands`) 16-bit operands. */
export function tilesFor(device: DeviceCapabilities, halfOperands: boolean): readonly Tile[] {
  const { matrixUnits = [], subgroupSize } = device;
  const matrix =
    halfOperands && subgroupSize.min === subgroupSize.max
      ? matrixUnits.flatMap((unit) => matrixTiles(unit, subgroupSize.max))
      : [];
  return [...matrix, ...scalarTiles].filter((tile) => tileFits(tile, device));
}
