/** The values of a tensor as text, by the rules of PyTorch's printing (torch/_tensor_str.py). */
import { type DType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import type { PrintOptions } from './print-options.ts';

/** Whether a tensor of this shape is abbreviated. */
const isAbbreviated = (shape: Shape, { threshold }: PrintOptions): boolean => sizeOf(shape) > threshold;

/** How many elements of each axis are printed: all of them, or those at both ends. */
export const printedShape = (shape: Shape, options: PrintOptions): number[] =>
  shape.map((n) => (isAbbreviated(shape, options) ? Math.min(n, 2 * options.edgeItems) : n));

/**
 * Nested brackets around the values, aligned in columns. An axis of which only the ends are printed has `...` in between.
 *
 * @param shape the shape of the tensor
 * @param values the printed values, row-major: as many as `printedShape` says
 */
export function formatValues(shape: Shape, dtype: DType, values: ArrayLike<number>, options: PrintOptions): string {
  const printed = printedShape(shape, options);
  const cells = formatCells(Array.from(values), dtype, options);
  if (shape.length === 0) return nth(cells, 0).trim();
  if (sizeOf(shape) === 0) return '[]';

  /** The part from cell `start` on of the axes from `axis` on. `axis` brackets are open in front of it. */
  const part = (axis: number, start: number): string => {
    const count = nth(printed, axis);
    const stride = sizeOf(printed.slice(axis + 1));
    const isLast = axis === shape.length - 1;
    const items = Array.from({ length: count }, (_, k) =>
      isLast ? nth(cells, start + k) : part(axis + 1, start + k * stride),
    );
    if (count < nth(shape, axis)) items.splice(options.edgeItems, 0, isLast ? ' ...' : '...');
    const indent = ' '.repeat(axis + 1);
    if (!isLast) return `[${items.join(`,${'\n'.repeat(shape.length - axis - 1)}${indent}`)}]`;
    const width = nth(cells, 0).length + 2;
    const perLine = Math.max(1, Math.floor((options.lineWidth - axis) / width));
    const lines = Array.from({ length: Math.ceil(items.length / perLine) }, (_, k) =>
      items.slice(k * perLine, (k + 1) * perLine).join(', '),
    );
    return `[${lines.join(`,\n${indent}`)}]`;
  };
  return part(0, 0);
}

/** Every number as text, all of the same length. */
export function formatCells(values: readonly number[], dtype: DType, options: PrintOptions): string[] {
  const format = isFloat(dtype) ? floatFormat(values, options) : dtype === 'bool' ? formatBool : String;
  const cells = values.map(format);
  const width = Math.max(0, ...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padStart(width));
}

const formatBool = (value: number): string => String(value !== 0);

/** One format for all numbers of a tensor: whole numbers as `2.`, otherwise `precision` digits, with exponents if they need them. */
function floatFormat(values: readonly number[], { precision, sciMode }: PrintOptions): (value: number) => string {
  const sizes = values.filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs);
  const smallest = sizes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY);
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  const isWide = sizes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4);
  const format =
    (sciMode ?? isWide)
      ? (value: number) => exponential(value, precision)
      : sizes.every(Number.isInteger)
        ? (value: number) => `${fixed(value, 0)}.`
        : (value: number) => fixed(value, precision);
  return (value) => (Number.isFinite(value) ? format(value) : formatSpecial(value));
}

const formatSpecial = (value: number): string => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf');

const sign = (value: number): string => (value < 0 || Object.is(value, -0) ? '-' : '');

/** More digits than a tie between two roundings can have. */
const exact = 60;

/** `digits` decimals. JavaScript rounds ties away from 0; C, and so PyTorch, to even. */
function fixed(value: number, digits: number): string {
  const size = Math.abs(value);
  // From here on toFixed writes an exponent.
  if (size >= 1e21) return `${sign(value)}${BigInt(size)}${digits === 0 ? '' : `.${'0'.repeat(digits)}`}`;
  const long = size.toFixed(Math.min(100, digits + exact));
  const point = long.indexOf('.');
  // Without decimals the point goes too.
  const kept = long.slice(0, digits === 0 ? point : point + 1 + digits);
  return sign(value) + (isTieToEven(kept, long.slice(point + 1 + digits)) ? kept : size.toFixed(digits));
}

/** One digit before the point and `digits` after it, with an exponent of at least two digits. */
function exponential(value: number, digits: number): string {
  const size = Math.abs(value);
  const [long = '', exponent = ''] = size.toExponential(Math.min(100, digits + exact)).split('e');
  const kept = long.slice(0, digits === 0 ? 1 : 2 + digits);
  const isTie = isTieToEven(kept, long.slice(2 + digits));
  const [mantissa = '', power = ''] = isTie ? [kept, exponent] : size.toExponential(digits).split('e');
  return `${sign(value)}${mantissa}e${power.slice(0, 1)}${power.slice(1).padStart(2, '0')}`;
}

/** Whether the digits that are left out are exactly half a unit, and the last kept digit is even. */
const isTieToEven = (kept: string, rest: string): boolean => /^50*$/.test(rest) && /[02468]$/.test(kept);
