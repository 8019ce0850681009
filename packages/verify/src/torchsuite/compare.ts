/**
 * What counts as agreement with PyTorch. f64 must agree to 1e-10 and f32 to 1e-5, relative to each element for element-wise operations
 * and relative to the largest element otherwise. NaN, infinities, and the results of comparisons, views, maxima and integers must be the
 * same.
 */

/** A difference, and its size relative to what was expected. */
export interface Difference {
  readonly kind: 'size' | 'nan' | 'inf' | 'signed zero' | 'value';
  readonly detail: string;
  readonly relative: number;
}

type Numbers = ArrayLike<number>;

/** Operations whose elements do not depend on each other. */
const elementwise: ReadonlySet<string> = new Set(
  `add sub rsub mul div:no_rounding_mode floor_divide div:floor_rounding remainder pow maximum minimum max:binary min:binary clamp neg
   reciprocal exp log sqrt rsqrt square abs sign sin cos tanh sigmoid erf floor nn.functional.relu nn.functional.gelu nn.functional.silu
   nn.functional.logsigmoid outer where`.split(/\s+/),
);

/** Operations whose results must be the same bits: they select or compare, and round nothing. */
const exact: ReadonlySet<string> = new Set(
  `eq ne lt le gt ge logical_and logical_or logical_not bitwise_and bitwise_or bitwise_xor reshape view permute transpose expand squeeze
   unsqueeze flatten narrow slice select flip split cat stack gather index_select take_along_dim floor neg abs where tril triu repeat tile
   maximum minimum amax amin unfold chunk`.split(/\s+/),
);

export const isExact = (op: string): boolean => exact.has(op.replace(/:.*/, ''));

/** Relative tolerance, and the absolute one of element-wise operations. */
const tolerances: Readonly<Record<string, { readonly relative: number; readonly absolute: number }>> = {
  f64: { relative: 1e-10, absolute: 1e-12 },
  f32: { relative: 1e-5, absolute: 1e-7 },
  f16: { relative: 2e-3, absolute: 1e-5 },
  bf16: { relative: 1.6e-2, absolute: 1e-4 },
};

const show = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));

/**
 * The worst difference, or null if the results agree.
 *
 * @param kind the dtype whose tolerance counts, or `statistics`
 * @param bits whether the results must be the same bits
 */
export function compareValues(got: Numbers, want: Numbers, kind: string, op: string, bits: boolean): Difference | null {
  if (kind === 'statistics') return compareStatistics(got, want);
  if (got.length !== want.length)
    return { kind: 'size', detail: `${got.length} elements instead of ${want.length}`, relative: 0 };
  const tolerance = tolerances[kind];
  const isElementwise = elementwise.has(op);
  const scale = Array.from(want).reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  const { relative, absolute } = tolerance ?? { relative: 0, absolute: 0 };
  // Sums in f32 have twice the tolerance of an element.
  const floor = isElementwise ? absolute : (kind === 'f32' ? 2e-5 : relative) * Math.max(scale, 1e-2);
  let worst: Difference | null = null;
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] ?? Number.NaN, want[i] ?? Number.NaN];
    if (Object.is(a, b)) continue;
    const detail = `[${i}] ${show(a)} instead of ${show(b)}`;
    if (Number.isNaN(a) || Number.isNaN(b)) return { kind: 'nan', detail, relative: Number.POSITIVE_INFINITY };
    if (!Number.isFinite(a) || !Number.isFinite(b)) return { kind: 'inf', detail, relative: Number.POSITIVE_INFINITY };
    const difference = Math.abs(a - b);
    if (difference === 0) {
      if (bits) worst ??= { kind: 'signed zero', detail, relative: 0 };
      continue;
    }
    if (tolerance !== undefined && !bits && difference <= floor + relative * Math.abs(b)) continue;
    const size = difference / Math.max(Math.abs(b), isElementwise ? 0 : scale, 1e-300);
    if (worst === null || worst.kind === 'signed zero' || size > worst.relative)
      worst = { kind: 'value', detail, relative: size };
  }
  return worst;
}

const statistics = ['mean', 'std', 'min', 'max'];

/** Mean, deviation, minimum and maximum of two samples of the same distribution; or one number, if the sample is constant. */
function compareStatistics(got: Numbers, want: Numbers): Difference | null {
  const deviation = want[1] ?? 0;
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] ?? Number.NaN, want[i] ?? Number.NaN];
    // A bound far outside of the bulk is that of a long tail, which a sample finds only roughly.
    const isTail = Math.abs(b) > 3.2 * deviation;
    const room =
      want.length === 1 ? 1e-6 : (i < 2 ? 0.04 * Math.abs(deviation) : (isTail ? 0.3 : 0.06) * Math.abs(b)) + 1e-9;
    if (!(Math.abs(a - b) <= room))
      return { kind: 'value', detail: `[${statistics[i]}] ${a} instead of ${b}`, relative: 0 };
  }
  return null;
}
