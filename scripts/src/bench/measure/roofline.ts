/**
 * The roofline of one core: a kernel with F operations on B bytes takes at least max(F / peak, B / bandwidth) (Williams, Waterman and
 * Patterson, "Roofline: an insightful visual performance model", 2009). Both rates are measured with Tessera's kernels.
 */
import { compile, type Tensor, tidy, type WasmExecutable, zeros } from '@tessera/tensor';

export interface Roof {
  /** The rate of a matrix product on one thread. */
  readonly gflops: number;
  /** The rate of adding two arrays that are far larger than the caches, on one thread, in 10^9 bytes per second. */
  readonly gigabytes: number;
}

const productSize = 1008;
const streamLength = 16 << 20;
const passes = 5;

/** Measures both rates. Null if the backend does not time its kernels. */
export function measureRoof(): Promise<Roof | null> {
  return tidy(async () => {
    const square = zeros([productSize, productSize]);
    const gemm = await fastest((a, b) => a.matmul(b), square, square);
    const stream = zeros([streamLength]);
    const add = await fastest((a, b) => a.add(b), stream, zeros([streamLength]));
    if (gemm === null || add === null) return null;
    return { gflops: (2 * productSize ** 3) / gemm / 1e6, gigabytes: (3 * 4 * streamLength) / add / 1e6 };
  });
}

/** The shortest time of a function with one kernel, on one thread, in ms. */
async function fastest(fn: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor): Promise<number | null> {
  const step = compile(fn);
  await (await step(a, b)).realize();
  const { executable, allocations } = await step.program(a, b);
  if (!('profile' in executable)) return null;
  const times = Array.from({ length: passes }, () =>
    (executable as WasmExecutable).profile(allocations).reduce((sum, { milliseconds }) => sum + milliseconds, 0),
  );
  step.dispose();
  return Math.min(...times);
}

/** The shortest time that the roofline allows, in ms, and which of the two rates limits it. */
export function roofOf({ operations, bytes }: { operations: number; bytes: number }, { gflops, gigabytes }: Roof) {
  const [computing, moving] = [operations / gflops / 1e6, bytes / gigabytes / 1e6];
  return { milliseconds: Math.max(computing, moving), bound: computing > moving ? 'compute' : 'memory' } as const;
}
