/** The form of kernels' functions, and the interface between the epilogues of contractions and the code that calls them. */
import type { DType } from '../../../kernel/dtype.ts';
import type { Program } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Shape } from '../../../kernel/shape.ts';
import type { Callable, FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';

/** A kernel as a function `(args, thread, threads, scratch) -> ()`, all i32. */
export interface LoweredKernel {
  readonly function: Callable;
  /** The memory that each thread needs at `scratch`, in bytes; aligned to 16 bytes. */
  readonly scratchBytes: number;
  /** Why part of the kernel is not vectorized, or null. */
  readonly slow: string | null;
}

/** The parameters of a kernel's function. */
export interface KernelParameters {
  /** Points to the byte addresses (i32) of the buffers. */
  readonly args: Local;
  /** The number of this thread, and the number of threads. */
  readonly thread: Local;
  readonly threads: Local;
  /** Points to this thread's scratch memory. */
  readonly scratch: Local;
}

/** Adds the function of a kernel to a module. */
export const kernelFunction = (module: ModuleBuilder, name: string): FunctionBuilder =>
  module.function(name, ['i32', 'i32', 'i32', 'i32']);

/** The parameters of a function that `kernelFunction` added. */
export const parametersOf = ({ params }: FunctionBuilder): KernelParameters => ({
  args: nth(params, 0),
  thread: nth(params, 1),
  threads: nth(params, 2),
  scratch: nth(params, 3),
});

/** The epilogue of a contraction. Buffers are numbered from 0, in the order of `args`. */
export interface BlockProgram {
  readonly program: Program;
  /** The dtype of each buffer. */
  readonly dtypes: readonly DType[];
  /** The program's domain is [...batch, ...m, ...n]. */
  readonly batch: Shape;
  readonly m: Shape;
  readonly n: Shape;
}

/** The rectangle on which a block program runs, in locals of the surrounding function. The program does not change them. */
export interface BlockBounds {
  /** Points to the byte addresses (i32) of the buffers. */
  readonly args: Local;
  /** Points to `blockScratchBytes` bytes for this thread, aligned to 16. */
  readonly scratch: Local;
  /** Position in the flattened batch axes. */
  readonly batchIndex: Operand;
  /** Rows [start, end) of the flattened m axes, columns [start, end) of the flattened n axes. */
  readonly rowStart: Operand;
  readonly rowEnd: Operand;
  readonly columnStart: Operand;
  readonly columnEnd: Operand;
  /** Byte address of the accumulator of (rowStart, columnStart); columns are adjacent, in the contraction's dtype. */
  readonly tile: Local;
  /** The distance between rows of the tile, in bytes. */
  readonly tileStride: Operand;
}

/** The scratch memory of a block program, in bytes. */
export const blockScratchBytes = 256;
