/** Runs hand-written contract kernels on a device and with the interpreter of kernels. */

import { bytesOf, type DType, isHalf } from '../../kernel/dtype.ts';
import { float32ToBfloat16, float32ToFloat16 } from '../../kernel/float16.ts';
import type { ContractKernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { runKernel } from '../interpret-kernels.ts';
import { WebGpuBackend } from './backend.ts';
import type { OpenDevice } from './device.ts';
import type { TileChoice } from './gemm.ts';

/** A plan of one kernel; buffer k is external buffer k. */
const planOf = (kernel: ContractKernel, buffers: readonly { dtype: DType; length: number }[]): Plan => ({
  buffers: buffers.map(({ dtype, length }, index) => ({ dtype, length, place: { kind: 'external', index } })),
  stages: [[kernel]],
  arenaBytes: 0,
  externalCount: buffers.length,
});

const toHalf = (dtype: DType, values: Float32Array): Float32Array | Uint16Array =>
  dtype === 'f16' ? float32ToFloat16(values) : dtype === 'bf16' ? float32ToBfloat16(values) : values;

export interface FilledBuffer {
  readonly dtype: DType;
  readonly values: Float32Array;
}

/** The contents of buffer `result` after the kernel, computed by the interpreter in f64. */
export function expectedOf(kernel: ContractKernel, buffers: readonly FilledBuffer[], result: number): Float64Array {
  const arrays = buffers.map(({ dtype, values }) =>
    isHalf(dtype) ? toHalf(dtype, values) : Float64Array.from(values),
  );
  runKernel(
    kernel,
    arrays,
    buffers.map(({ dtype }) => (isHalf(dtype) ? dtype : 'f64')),
  );
  return arrays[result] as Float64Array;
}

/** A backend that computes all products with one tile. */
export const backendWithTile = (open: OpenDevice, onlyTile: TileChoice): WebGpuBackend =>
  new WebGpuBackend({ ...open, capabilities: { ...open.capabilities, onlyTile } }, true);

/** Runs the kernel and returns the contents of buffer `result`, which is f32. */
export async function runOn(
  backend: WebGpuBackend,
  kernel: ContractKernel,
  buffers: readonly FilledBuffer[],
  result: number,
): Promise<Float32Array> {
  const allocations = buffers.map(({ dtype, values }) => {
    const allocation = backend.allocate(Math.max(4, values.length * bytesOf(dtype)));
    backend.write(allocation, toHalf(dtype, values));
    return allocation;
  });
  const executable = backend.prepare(
    planOf(
      kernel,
      buffers.map(({ dtype, values }) => ({ dtype, length: values.length })),
    ),
  );
  try {
    await executable.run(allocations);
    return (await backend.read(nth(allocations, result), 'f32', nth(buffers, result).values.length)) as Float32Array;
  } finally {
    executable.dispose();
    for (const allocation of allocations) backend.free(allocation);
  }
}
