/** Tensors in the consoles of browsers, which show the fields of an object unless a formatter says otherwise. */
import { isTensor } from './tensor.ts';

interface Formatter {
  header(value: unknown): readonly unknown[] | null;
  hasBody(value: unknown): boolean;
  body(value: unknown): readonly unknown[] | null;
}

/**
 * Makes `console.log(tensor)` show the first line of `String(tensor)` in the console of a browser, and the values when it is opened. In
 * Chromium and Firefox "custom formatters" must be switched on in the settings of the developer tools; elsewhere, use
 * `console.log(String(tensor))`. Node needs neither.
 *
 * @returns a function that removes the formatter
 */
export function showTensorsInDevtools(): () => void {
  const root = globalThis as { devtoolsFormatters?: Formatter[] };
  const split = (value: object): [head: string, rest: string] => {
    const text = String(value);
    const end = text.indexOf('\n');
    return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)];
  };
  const formatter: Formatter = {
    header: (value) => (isTensor(value) ? ['span', {}, split(value)[0]] : null),
    hasBody: (value) => isTensor(value) && split(value)[1] !== '',
    body: (value) => (isTensor(value) ? ['pre', {}, split(value)[1]] : null),
  };
  root.devtoolsFormatters = [...(root.devtoolsFormatters ?? []), formatter];
  return () => {
    root.devtoolsFormatters = root.devtoolsFormatters?.filter((other) => other !== formatter);
  };
}
