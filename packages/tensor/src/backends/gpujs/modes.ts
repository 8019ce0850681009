/** The limits and elementary functions of each mode in which gpu.js runs kernels. */

import type { GridLimits } from './cells.ts';
import { type FloatMath, javascriptMath, shaderMath } from './float-math.ts';

export interface Mode {
  readonly grid: GridLimits;
  readonly math: FloatMath;
  /** The largest number of arrays that a kernel may read. */
  readonly inputs: number;
  /** `scatterAdd` sorts by comparing all pairs; above this number of rows the host is faster. */
  readonly sortedRows: number;
}

const unlimited = Number.POSITIVE_INFINITY;

/** The modes of gpu.js. Browsers have `webgl` and `webgl2` instead of `headlessgl`, with the same limits. */
export const modes = {
  /** WGSL through WebGPU. Groups of 8 x 8 threads, at most 65,535 groups along each axis; 8 storage buffers, one of them the result. */
  webgpu: {
    grid: { flat: false, divisible: 2 ** 21, largest: [2 ** 19 - 8, 2 ** 19 - 8, 65535] },
    math: shaderMath,
    inputs: 7,
    sortedRows: 2 ** 17,
  },
  /** WebAssembly SIMD, four cells at a time. */
  webasm: {
    grid: { flat: false, divisible: 2 ** 21, largest: [2 ** 30, 2 ** 30, 2 ** 30] },
    math: javascriptMath,
    inputs: unlimited,
    sortedRows: 2 ** 12,
  },
  /** Plain JavaScript, in doubles. Outputs have one axis, because outputs with several would be nested arrays. */
  cpu: {
    grid: { flat: true, divisible: 2 ** 31, largest: [2 ** 31, 1, 1] },
    math: javascriptMath,
    inputs: unlimited,
    sortedRows: 2 ** 10,
  },
  /** GLSL through WebGL: arrays are textures, at most 16 at a time. */
  headlessgl: {
    grid: { flat: false, divisible: 2 ** 21, largest: [2 ** 22, 2 ** 22, 2 ** 22] },
    math: shaderMath,
    inputs: 15,
    sortedRows: 2 ** 17,
  },
} as const satisfies Record<string, Mode>;

export type ModeName = keyof typeof modes | 'webgl' | 'webgl2';

export const modeOf = (name: ModeName): Mode =>
  name === 'webgl' || name === 'webgl2' ? modes.headlessgl : modes[name];

export const modeNames: readonly ModeName[] = ['webgpu', 'webgl2', 'webgl', 'headlessgl', 'webasm', 'cpu'];
