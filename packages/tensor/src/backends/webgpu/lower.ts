/** Kernels to shaders. */
import type { Kernel } from '../../kernel.ts';
import { contractDispatches } from './contract.ts';
import type { Dispatch, KernelContext } from './dispatch.ts';
import { loopDispatches } from './loop.ts';
import { scatterAddDispatches } from './scatter.ts';

/** The shaders of a kernel, in the order in which they run; none where there is nothing to do. Scratch buffers join the context. */
export function lowerKernel(kernel: Kernel, context: KernelContext): Dispatch[] {
  switch (kernel.kind) {
    case 'loop':
      return loopDispatches(kernel, context);
    case 'contract':
      return contractDispatches(kernel, context);
    case 'scatterAdd':
      return scatterAddDispatches(kernel, context);
    default:
      return kernel satisfies never;
  }
}
