/** The color map of attention sheets. */
import type { Color } from '@tessera/data';
import { elementAt } from '../element-at.ts';

/**
 * Inferno at nine evenly spaced places (Smith and van der Walt, matplotlib): the lightness grows evenly from dark to bright, so it also
 * works for readers who cannot tell the colors apart.
 */
const anchors: readonly Color[] = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
];

/** The color of a value from 0 (dark) to 1 (bright), channels from 0 to 255. Values outside of the range are clamped. */
export function colorOf(value: number): Color {
  const place = Math.min(1, Math.max(0, value)) * (anchors.length - 1);
  const lower = Math.min(Math.floor(place), anchors.length - 2);
  const share = place - lower;
  const [from, to] = [elementAt(anchors, lower), elementAt(anchors, lower + 1)];
  const mix = (channel: 0 | 1 | 2): number => (1 - share) * from[channel] + share * to[channel];
  return [mix(0), mix(1), mix(2)];
}
