/** The functions of charts, for programs that import them. */
import { chartFormats } from './format.ts';
import { chartScales } from './scales.ts';

export const { formatValue, formatTicks } = chartFormats();
export const { extent, usualExtent, valueAxis, placeAxis, wholeIncrements, byteIncrements, timeIncrements, nearest } =
  chartScales();
