/** The limits, features and measured speed of a device. */
import type { MatrixUnit, Tile } from './tile.ts';

/** The time in nanoseconds that a tile takes for one term of each of its sums. */
export interface TileTimes {
  /** For a workgroup that is alone on the device. */
  readonly alone: number;
  /** For each workgroup when there are many. */
  readonly full: number;
}

/** Times by the tiles' names; null for tiles that the device refuses or computes incorrectly. */
export type TileTimeTable = Readonly<Record<string, TileTimes | null>>;

/** What shaders can use on a device. */
export interface DeviceCapabilities {
  readonly storageBuffers: number;
  readonly invocations: number;
  readonly workgroupBytes: number;
  readonly workgroupsPerDimension: number;
  /** The largest size of one GPUBuffer. */
  readonly bufferBytes: number;
  /** The largest size of one binding. */
  readonly bindingBytes: number;
  /** Whether the device runs on the CPU, where long shaders take seconds to compile. */
  readonly software: boolean;
  /** By their WebGPU names: `shader-f16`, `subgroups`, ... */
  readonly features: ReadonlySet<string>;
  readonly subgroupSize: { readonly min: number; readonly max: number };
  /** Shapes of f16 matrices that subgroups can multiply, with f32 sums. */
  readonly matrixUnits?: readonly MatrixUnit[];
  /** The speed of matrix products, if it was measured. */
  readonly tileTimes?: TileTimeTable;
  /** The tile to use instead of the one that is expected to be fastest: for measurements and tests. */
  readonly onlyTile?: { readonly tile: Tile; readonly splits: number };
}
