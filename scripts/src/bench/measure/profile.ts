/** The time of a program's kernels, grouped by name and shape. */
import type { CompiledProgram, KernelProfile } from '@tessera/tensor';

type Kernel = CompiledProgram['plan']['stages'][number][number];

/** Equal kernels of a program, with their total time on one thread. */
export interface KernelGroup {
  readonly kernel: string;
  readonly shape: string;
  readonly count: number;
  readonly milliseconds: number;
  /** Floating-point operations; an instruction of a fused program counts as one. */
  readonly operations: number;
  /** Bytes read and written, each access counted once. */
  readonly bytes: number;
}

/** The shape of a kernel: its domain with reduced axes marked, or the sizes of a product. */
export function shapeOf(kernel: Kernel): string {
  switch (kernel.kind) {
    case 'loop':
      return kernel.domain.map((n, k) => (kernel.reduced[k] ? `(${n})` : `${n}`)).join(' ');
    case 'contract': {
      const { batch, m, n, k } = kernel;
      const sizes = [m, n, k].map((axes) => axes.join('·') || '1').join(' x ');
      return batch.length === 0 ? sizes : `${batch.join('·')} of ${sizes}`;
    }
    case 'scatterAdd':
      return `${kernel.outer} ${kernel.count} ${kernel.inner} to ${kernel.rows} rows`;
    default:
      return kernel satisfies never;
  }
}

/**
 * Sums the times of kernels with equal name and shape, the slowest group first.
 *
 * @param passes profiles of the same program; for each kernel the fastest pass is used
 */
export function groupKernels(kernels: readonly Kernel[], passes: readonly (readonly KernelProfile[])[]): KernelGroup[] {
  const groups = new Map<string, KernelGroup>();
  kernels.forEach((kernel, index) => {
    const profiles = passes.flatMap((pass) => pass[index] ?? []);
    const [first] = profiles;
    if (first === undefined) throw new RangeError(`kernel ${index} (${kernel.name}) was not profiled`);
    const { kernel: name, operations, bytes } = first;
    const shape = shapeOf(kernel);
    const milliseconds = Math.min(...profiles.map((profile) => profile.milliseconds));
    const key = `${name} ${shape} ${operations} ${bytes}`;
    const known = groups.get(key) ?? { count: 0, milliseconds: 0, operations: 0, bytes: 0 };
    groups.set(key, {
      ...{ kernel: name, shape, count: known.count + 1, milliseconds: known.milliseconds + milliseconds },
      operations: known.operations + operations,
      bytes: known.bytes + bytes,
    });
  });
  return [...groups.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
