/** The ends of a chart's axes, and the distances of their ticks. */
import { chartScales } from '@tessera/train/charts';

export const scales = chartScales();
export const { extent, usualExtent, valueAxis, placeAxis, wholeIncrements, timeIncrements, nearest } = scales;
