/** Removing white space at the ends of a text, in time that is proportional to the text. */
import { WHITE_SPACE } from '../repair/white-space.ts';

/** The property White_Space, and Python's white space. All their characters are single code units. */
export const UNICODE_SPACE = /\p{White_Space}/u;
const PYTHON_SPACE = new RegExp(`[${WHITE_SPACE}]`);

/** Which ends of a text. */
export interface Ends {
  readonly left?: boolean;
  readonly right?: boolean;
}

function strip(text: string, space: RegExp, { left = true, right = true }: Ends): string {
  let [begin, end] = [0, text.length];
  if (left) while (begin < end && space.test(text[begin] as string)) begin++;
  if (right) while (end > begin && space.test(text[end - 1] as string)) end--;
  return text.slice(begin, end);
}

/** As Rust's `trim`. */
export const stripUnicodeSpace = (text: string, ends: Ends = {}): string => strip(text, UNICODE_SPACE, ends);

/** As Python's `str.strip`. */
export const stripPythonSpace = (text: string, ends: Ends = {}): string => strip(text, PYTHON_SPACE, ends);
