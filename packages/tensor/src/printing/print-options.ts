/** How tensors are printed: the settings of PyTorch's `set_printoptions`. */

export interface PrintOptions {
  /** Digits after the decimal point. */
  readonly precision: number;
  /** A tensor with more elements than this is abbreviated. */
  readonly threshold: number;
  /** How many elements an abbreviated axis shows at its beginning and at its end. */
  readonly edgeItems: number;
  /** Characters of a line. */
  readonly lineWidth: number;
  /** Whether numbers have exponents; null: where they are very large, very small, or differ by more than a factor of 1000. */
  readonly sciMode: boolean | null;
}

const defaults: PrintOptions = { precision: 4, threshold: 1000, edgeItems: 3, lineWidth: 80, sciMode: null };

let current = defaults;

/** The settings that are in force. */
export const printOptions = (): PrintOptions => current;

const least = { precision: 0, threshold: 0, edgeItems: 1, lineWidth: 1 } as const;

/**
 * Changes how tensors are printed from now on. Settings that are not named keep their default: `setPrintOptions()` restores all of them.
 *
 * @param options `precision` (4): digits after the decimal point; `threshold` (1000): larger tensors are abbreviated, `Infinity` prints
 *   all; `edgeItems` (3): elements at each end of an abbreviated axis; `lineWidth` (80); `sciMode` (null): true or false to print all
 *   numbers with exponents, or none
 * @throws RangeError if one of the numbers is not a whole number in its range
 */
export function setPrintOptions(options: Partial<PrintOptions> = {}): void {
  const next = { ...defaults, ...options };
  for (const name of ['precision', 'threshold', 'edgeItems', 'lineWidth'] as const) {
    const value = next[name];
    const isCount = Number.isInteger(value) || (name === 'threshold' && value === Number.POSITIVE_INFINITY);
    if (!isCount || value < least[name])
      throw new RangeError(`setPrintOptions: ${name} must be a whole number of at least ${least[name]}, got ${value}`);
  }
  if (next.precision > 100)
    throw new RangeError(`setPrintOptions: precision can be at most 100, got ${next.precision}`);
  current = next;
}
