/** Estimates of what a kernel costs: to decide whether threads are worth waking, and for profiles. */
import { bytesOf, type DType } from '../../kernel/dtype.ts';
import { type Access, accessesOf, type Kernel } from '../../kernel/kernel.ts';
import { sizeOf } from '../../kernel/shape.ts';

/** Floating-point operations; an instruction of a program counts as one. */
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

/** Bytes of memory that the kernel touches, each access once: `dtypes` and `lengths` are of its buffers. */
export function bytesMoved(kernel: Kernel, dtypes: readonly DType[], lengths: readonly number[]): number {
  const { reads, writes } = accessesOf(kernel);
  const touched = ({ buffer, view }: Access): number => {
    const distinct = view.shape.reduce((count, n, k) => (view.strides[k] === 0 ? count : count * n), 1);
    return Math.min(distinct, lengths[buffer]) * bytesOf(dtypes[buffer]);
  };
  return [...reads, ...writes].reduce((sum, access) => sum + touched(access), 0);
}

/** Rates of one thread, low rather than high: operations and bytes in a nanosecond. */
const rates = { contract: 80, loop: 3, scatterAdd: 0.5, bytes: 8 };

/** How long one thread needs, roughly, in nanoseconds. */
export function nanosecondsOf(kernel: Kernel, bytes: number): number {
  return Math.max(operationsOf(kernel) / rates[kernel.kind], bytes / rates.bytes);
}
