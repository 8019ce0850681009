/** What the WebAssembly code of programs (the straight-line part of a kernel) is generated from, and for whom. */
import type { DType } from '../../../kernel/dtype.ts';
import type { Program } from '../../../kernel/kernel.ts';
import type { Shape } from '../../../kernel/shape.ts';
import type { Callable, Local, Operand } from '../emit/encoder.ts';

/** A kernel as a function `(args, thread, threads, scratch) -> ()`, all i32. */
export interface LoweredKernel {
  readonly function: Callable;
  /** What the function needs at `scratch`, for each thread. Aligned to 16 bytes. */
  readonly scratchBytes: number;
  /** Why part of the kernel does not run vectorised, or null. */
  readonly slow: string | null;
}

/** The epilogue of a contraction. Buffers are numbered from 0, in the order of `args`. */
export interface BlockProgram {
  readonly program: Program;
  /** Of each buffer. */
  readonly dtypes: readonly DType[];
  /** The program's domain is [...batch, ...m, ...n]. */
  readonly batch: Shape;
  readonly m: Shape;
  readonly n: Shape;
}

/** Where a block program runs: locals of the function that it is written into. None of them is changed. */
export interface BlockBounds {
  /** Points to the byte addresses (i32) of the buffers. */
  readonly args: Local;
  /** Points to `blockScratchBytes` bytes that belong to this thread, aligned to 16. */
  readonly scratch: Local;
  /** Position in the flattened batch axes. */
  readonly batchIndex: Operand;
  /** Rows [start, end) of the flattened m axes, columns [start, end) of the flattened n axes. */
  readonly rowStart: Operand;
  readonly rowEnd: Operand;
  readonly columnStart: Operand;
  readonly columnEnd: Operand;
  /** Byte address of the accumulator of (rowStart, columnStart); columns follow each other, in the contraction's dtype. */
  readonly tile: Local;
  /** From one row of the tile to the next, in bytes. */
  readonly tileStride: Operand;
}

/** Scratch that a block program may use. */
export const blockScratchBytes = 256;
