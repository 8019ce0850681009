/** What a device offers to shaders, and how fast it is. */
import type { MatrixUnit, Tile } from './tile.ts';

/** In nanoseconds, for one term of each of a tile's sums. */
export interface TileTimes {
  /** For a workgroup alone on the device. */
  readonly alone: number;
  /** For each of many workgroups. */
  readonly full: number;
}

/** By the tiles' names; null for tiles that the device does not compute with, or not rightly. */
export type TileTimeTable = Readonly<Record<string, TileTimes | null>>;

/** What shaders may use on a device. */
export interface DeviceCapabilities {
  readonly storageBuffers: number;
  readonly invocations: number;
  readonly workgroupBytes: number;
  readonly workgroupsPerDimension: number;
  /** Of one GPUBuffer, and of one binding. */
  readonly bufferBytes: number;
  readonly bindingBytes: number;
  /** Runs on the CPU: shaders of any size take seconds to compile. */
  readonly software: boolean;
  /** WebGPU's names: `shader-f16`, `subgroups`, ... */
  readonly features: ReadonlySet<string>;
  readonly subgroupSize: { readonly min: number; readonly max: number };
  /** Matrices of 16-bit floats that subgroups multiply, with sums in 32 bits. */
  readonly matrixUnits?: readonly MatrixUnit[];
  /** How fast matrix products are, where that was measured. */
  readonly tileTimes?: TileTimeTable;
  /** Instead of the tile that is expected to be fastest: for measurements and tests. */
  readonly onlyTile?: { readonly tile: Tile; readonly splits: number };
}
