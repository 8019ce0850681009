/** The logo on pages: nine tiles of a mosaic. */
import { type Html, html } from './html.ts';

const shades = [0.9, 0.45, 0.7, 0.3, 1, 0.55, 0.65, 0.8, 0.4];

/**
 * The logo as an SVG element of 20 x 20 pixels.
 *
 * @param fill its color, as the value of an attribute, because a page may allow no styles of its own
 */
export const logo = (fill: string): Html =>
  html`<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">${shades.map(
    (shade, i) =>
      html`<rect x="${(i % 3) * 7}" y="${Math.floor(i / 3) * 7}" width="6" height="6" rx="1.2" fill="${fill}" fill-opacity="${shade}"/>`,
  )}</svg>`;
