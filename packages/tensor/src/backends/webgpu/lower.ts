/** Lowers kernels to shaders. */

import { UnsupportedDTypeError } from '../../kernel/backend.ts';
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { contractDispatches } from './contract.ts';
import type { Dispatch, KernelContext } from './dispatch.ts';
import { whyUnsupported } from './elements.ts';
import { loopDispatches } from './loop.ts';
import { scatterAddDispatches } from './scatter.ts';

/**
 * The shaders of a kernel, in the order in which they run; none if the kernel computes nothing. Scratch buffers are added to the context.
 * Throws UnsupportedDTypeError.
 */
export function lowerKernel(kernel: Kernel, context: KernelContext): Dispatch[] {
  for (const dtype of dtypesOf(kernel, context)) {
    const reason = whyUnsupported(dtype);
    if (reason !== null) throw new UnsupportedDTypeError(`${reason} (kernel '${kernel.name}')`);
  }
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

/** Every dtype of the kernel's buffers and values. */
function dtypesOf(kernel: Kernel, { buffers }: KernelContext): Set<DType> {
  const program = kernel.kind === 'loop' ? kernel.program : kernel.kind === 'contract' ? kernel.epilogue : null;
  return new Set([...buffers.map(({ dtype }) => dtype), ...(program?.instructions ?? []).map(({ dtype }) => dtype)]);
}
