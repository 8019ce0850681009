/** How fast a step runs, relative to the machine: operations of a program, and the peak rate. */
import { type CompiledProgram, compile, type Tensor, tensor } from '@tessera/tensor';

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);

/**
 * Floating-point operations of a program's matrix products and convolutions: 2 * batch * m * n * k each. As usual,
 * element-wise operations are not counted.
 */
export function contractionFlops({ plan }: Pick<CompiledProgram, 'plan'>): number {
  return plan.stages
    .flat()
    .reduce(
      (total, kernel) =>
        kernel.kind === 'contract'
          ? total + 2 * product(kernel.batch) * product(kernel.m) * product(kernel.n) * product(kernel.k)
          : total,
      0,
    );
}

/** Sizes of the square matrices that are tried, until a product takes long enough to be timed. */
const sides = [64, 128, 256, 512, 1008];

/**
 * The machine's peak rate in floating-point operations per second: the best of several products of square f32 matrices on the default
 * backend. Takes a fraction of a second.
 */
export async function measurePeak({ enoughMs = 5, runs = 8 } = {}): Promise<number> {
  let best = 0;
  for (const side of sides) {
    const values = Float32Array.from({ length: side * side }, (_, i) => (i % 17) - 8);
    const [a, b] = [tensor(values, { shape: [side, side] }), tensor(values, { shape: [side, side] })];
    const multiply = compile((x: Tensor, y: Tensor) => x.matmul(y));
    await multiply(a, b);
    let shortest = Number.POSITIVE_INFINITY;
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      await multiply(a, b);
      shortest = Math.min(shortest, performance.now() - start);
      if (shortest > 20 * enoughMs) break;
    }
    multiply.dispose();
    best = Math.max(best, (2 * side ** 3 * 1000) / shortest);
    if (shortest >= enoughMs) break;
  }
  return best;
}
