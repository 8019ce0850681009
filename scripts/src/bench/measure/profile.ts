import type { CompiledProgram, KernelProfile } from '@tessera/tensor';

type Kernel = CompiledProgram['plan']['stages'][number][number];

/** What equal kernels of a program took together, on one thread. */
export interface KernelGroup {
  readonly kernel: string;
  readonly shape: string;
  readonly count: number;
  readonly milliseconds: number;
  /** Floating-point operations; an instruction of a fused program counts as one. */
  readonly operations: number;
  /** Memory read and written, each access counted once. */
  readonly bytes: number;
}

/** The extent of a kernel: its domain with reduced axes marked, or the sizes of a product. */
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
 * Adds up kernels of equal name and shape, slowest group first. `passes` are profiles of the same program; of each kernel the fastest pass
 * counts.
 */
export function groupKernels(kernels: readonly Kernel[], passes: readonly (readonly KernelProfile[])[]): KernelGroup[] {
  const groups = new Map<string, KernelGroup>();
  kernels.forEach((kernel, index) => {
    const profiles = passes.map((pass) => pass[index] as KernelProfile);
    const { kernel: name, operations, bytes } = profiles[0] as KernelProfile;
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
