/** Estimates the cost of a kernel: to decide whether waking the threads is worth it, and for profiles. */
import { bytesOf, type DType } from '../../kernel/dtype.ts';
import { type Access, accessesOf, type Kernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import { sizeOf } from '../../kernel/shape.ts';

/** The number of floating-point operations; each instruction of a program counts as one. */
export function operationsOf(kernel: Kernel): number {
  switch (kernel.kind) {
    case 'loop':
      return sizeOf(kernel.domain) * kernel.program.instructions.length;
    case 'contract': {
      const elements = sizeOf(kernel.batch) * sizeOf(kernel.m) * sizeOf(kernel.n);
      return elements * (2 * sizeOf(kernel.k) + kernel.epilogue.instructions.length - 1);
    }
    case 'scatterAdd':
      return kernel.outer * kernel.count * kernel.inner;
    default:
      return kernel satisfies never;
  }
}

/** The bytes of memory that the kernel accesses, with each access counted once. `dtypes` and `lengths` are those of its buffers. */
export function bytesMoved(kernel: Kernel, dtypes: readonly DType[], lengths: readonly number[]): number {
  const { reads, writes } = accessesOf(kernel);
  const touched = ({ buffer, view }: Access): number => {
    const distinct = view.shape.reduce((count, n, k) => (view.strides[k] === 0 ? count : count * n), 1);
    return Math.min(distinct, nth(lengths, buffer)) * bytesOf(nth(dtypes, buffer));
  };
  return [...reads, ...writes].reduce((sum, access) => sum + touched(access), 0);
}

/** Conservative rates of one thread: operations, and bytes, for each nanosecond. */
const rates = { contract: 80, loop: 3, scatterAdd: 0.5, bytes: 8 };

/** A rough estimate of the time on one thread, in nanoseconds. */
export function nanosecondsOf(kernel: Kernel, bytes: number): number {
  return Math.max(operationsOf(kernel) / rates[kernel.kind], bytes / rates.bytes);
}
