/** Numbers and names as text for the report. */
const NARROW_SPACE = '\u202f';

/** A share from 0 to 1 as "37.4 %": one decimal, or two below 1 %. */
export function percent(share: number): string {
  const decimals = share > 0 && share < 0.01 ? 2 : 1;
  return `${(100 * share).toFixed(share === 1 ? 0 : decimals)}${NARROW_SPACE}%`;
}

/** A rank, with a decimal only if it is not whole; a dash for null. */
export const rank = (value: number | null): string =>
  value === null ? '–' : Number.isInteger(value) ? whole(value) : value.toFixed(1);

const groups = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A whole number with thousands separators. */
export const whole = (value: number): string => groups.format(value);

/** A value of a fact: numbers with thousands separators, text unchanged. */
export const fact = (value: string | number): string =>
  typeof value === 'string' ? value : Number.isInteger(value) ? whole(value) : String(Number(value.toPrecision(6)));

/** "imagesPerSecond" and "grad_norm" as "Images per second" and "Grad norm". */
export function humanize(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
