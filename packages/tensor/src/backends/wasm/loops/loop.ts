/**
 * Lowers loop kernels: element-wise work and reductions over rows. The program is simplified and cut into pieces without guards;
 * `nest.ts` chooses the order of each piece's loops, and `nest-code.ts` writes them.
 */

import { decideAllGuards, joinAxes, restrict } from '../../../codegen/normalize.ts';
import { type LoopProgram, loopProgram, simplify } from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { LoopKernel } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { sizeOf } from '../../../kernel/shape.ts';
import type { FunctionBuilder } from '../emit/encoder.ts';
import type { Target } from '../emit/features.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { VectorCode } from '../vectors/vector-code.ts';
import { chooseNest } from './nest.ts';
import { emitNest } from './nest-code.ts';
import { kernelFunction, type LoweredKernel } from './program.ts';

/** Writes the function of a loop kernel. */
export function lowerLoop(
  module: ModuleBuilder,
  kernel: LoopKernel,
  dtypes: readonly DType[],
  target: Target,
): LoweredKernel {
  const fn = kernelFunction(module, kernel.name);
  const lowering = new Lowering(fn, dtypes, target);
  const { program, domain, reduced } = kernel;
  const reduces =
    program.instructions.some(({ op }) => op === 'reduce') || program.stores.some((store) => store.oncePerRow);
  if (sizeOf(domain) > 0)
    lowering.emit(
      loopProgram(
        program,
        domain,
        reduced.map((flag) => flag && reduces),
      ),
    );
  return lowering.finish();
}

/** The indices along one axis at which guards of accesses start or stop to hold, for guards that depend only on this axis. */
function cutsAlong(program: LoopProgram, axis: number): number[] {
  const size = nth(program.domain, axis);
  const accesses = [
    ...program.operations.flatMap((operation) =>
      operation.op === 'load' || operation.op === 'gather' ? [operation.access] : [],
    ),
    ...program.stores.map((store) => store.access),
  ];
  const cuts = new Set<number>();
  for (const { view } of accesses)
    for (const { coefficients, low, high } of view.guards) {
      const step = nth(coefficients, axis);
      if (step === 0 || coefficients.some((coefficient, k) => k !== axis && coefficient !== 0)) continue;
      // low <= step * i < high
      const [from, to] = step > 0 ? [low / step, high / step] : [(high - 1) / step, (low - 1) / step];
      cuts.add(Math.ceil(from)).add(Math.ceil(to));
    }
  return [...cuts].filter((cut) => cut > 0 && cut < size).sort((a, b) => a - b);
}

/** The largest number of pieces into which a domain is cut to avoid guards. */
const mostPieces = 8;

class Lowering {
  readonly #fn: FunctionBuilder;
  readonly #code: VectorCode;
  readonly #dtypes: readonly DType[];
  readonly #slow = new Set<string>();
  #scratchBytes = 0;
  #pieces = 1;

  constructor(fn: FunctionBuilder, dtypes: readonly DType[], target: Target) {
    this.#fn = fn;
    this.#code = new VectorCode(fn, target);
    this.#dtypes = dtypes;
  }

  /** Writes the loops over a domain. It is cut where guards start or stop to hold, so that the pieces do not need these guards. */
  emit(raw: LoopProgram): void {
    // Axes are joined again at the end, because dropped accesses may have been all that distinguished them.
    const program = joinAxes(simplify(joinAxes(decideAllGuards(raw))));
    if (program.stores.length === 0) return;
    const nest = chooseNest(program, this.#dtypes);
    const { vectorAxis } = nest;
    const cuts = program.reduced[vectorAxis] ? [] : cutsAlong(program, vectorAxis);
    if (cuts.length > 0 && this.#pieces + cuts.length <= mostPieces) {
      this.#pieces += cuts.length;
      let start = 0;
      for (const end of [...cuts, nth(program.domain, vectorAxis)]) {
        this.emit(restrict(program, vectorAxis, start, end));
        start = end;
      }
      return;
    }
    this.#code.scope(() => {
      const { scratchBytes, slow } = emitNest(this.#code, program, nest, this.#dtypes);
      this.#scratchBytes = Math.max(this.#scratchBytes, scratchBytes);
      for (const reason of slow) this.#slow.add(reason);
    });
  }

  finish(): LoweredKernel {
    const slow = this.#slow.size === 0 ? null : [...this.#slow].join('; ');
    return { function: this.#fn, scratchBytes: this.#scratchBytes, slow };
  }
}
