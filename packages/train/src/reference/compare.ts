import { formatShape, type SafetensorsTensor, sameShape, type Tensor } from '@tessera/tensor';

/** Below this size a difference counts absolutely: some gradients are zero by symmetry, such as a key projection's bias. */
const floor = 1e-2;

type Numbers = ArrayLike<number>;

/** max |a - b|. NaN or an infinity on one side only counts as infinite. */
export function absoluteError(values: Numbers, reference: Numbers): number {
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const a = values[i] as number;
    const b = reference[i] as number;
    if (Object.is(a, b)) continue;
    const distance = Math.abs(a - b);
    worst = Math.max(worst, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return worst;
}

/** max |a - b| / max(max |b|, 1e-2), where b is the reference; infinities of b do not count into its maximum. */
export function relativeError(values: Numbers, reference: Numbers): number {
  let largest = floor;
  for (let i = 0; i < reference.length; i++) {
    const size = Math.abs(reference[i] as number);
    if (Number.isFinite(size)) largest = Math.max(largest, size);
  }
  return absoluteError(values, reference) / largest;
}

/** The worst of several comparisons. */
export interface Worst {
  readonly error: number;
  readonly tolerance: number;
  /** The tensor that has it; null where nothing was compared. */
  readonly at: string | null;
  readonly holds: boolean;
}

export interface Comparison {
  readonly name: string;
  readonly own: Tensor;
  readonly reference: SafetensorsTensor;
}

/**
 * Compares every pair and gives the worst.
 *
 * @throws Error where a shape differs
 */
export async function worstOf(
  comparisons: readonly Comparison[],
  tolerance: number,
  measure: typeof relativeError = relativeError,
): Promise<Worst> {
  let error = 0;
  let at: string | null = null;
  for (const { name, own, reference } of comparisons) {
    if (!sameShape(own.shape, reference.shape))
      throw new Error(`${name} has shape ${formatShape(own.shape)}, the reference ${formatShape(reference.shape)}`);
    const found = measure(await own.data(), reference.data as Numbers);
    if (at !== null && found <= error) continue;
    error = found;
    at = name;
  }
  return { error, tolerance, at, holds: error <= tolerance };
}
