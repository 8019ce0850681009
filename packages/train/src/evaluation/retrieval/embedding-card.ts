/** The report's drawing of images and captions as points in a plane. */
import { percent } from '../../report/format.ts';
import { type Html, html, jsonForScript } from '../../report/html.ts';
import { elementAt } from '../element-at.ts';
import type { EmbeddingPlane, EmbeddingReport } from './report.ts';

const [width, height, margin] = [480, 340, 12];

/** Pictures and captions as dots, each picture connected with its caption; the page's script names the dot under the pointer. */
export function embeddingCard({ imageLabels, textLabels, captions, planes }: EmbeddingReport): Html {
  const labels = { images: imageLabels, texts: textLabels, captions };
  return html`<article class="card embedding">
    <h3>Pictures and captions as the model sees them</h3>
    <p class="note">${imageLabels.length} pictures and their ${textLabels.length} captions, in the plane in which their features differ most (principal components). A line connects each picture with its caption.</p>
    <div class="key"><span><i class="image-dot"></i>picture</span><span><i class="text-dot"></i>caption</span><span class="pointed">point at a dot</span></div>
    <div class="pair">${planes.map((plane) => planeFigure(plane, captions))}</div>
    <script type="application/json">${jsonForScript(labels)}</script>
  </article>`;
}

function planeFigure({ title, shares, images, texts }: EmbeddingPlane, captions: readonly number[]): Html {
  const place = scale([...images, ...texts]);
  const dots = (points: EmbeddingPlane['images']): Html[] =>
    points.map((point) => {
      const [x, y] = place(point);
      return html`<circle cx="${x}" cy="${y}" r="3.5"/>`;
    });
  const ties = images
    .map((point, k) => `M${place(point).join(' ')}L${place(elementAt(texts, elementAt(captions, k))).join(' ')}`)
    .join('');
  return html`<figure>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}"><path class="ties" d="${ties}"/><path class="tie" d=""/><g class="texts">${dots(texts)}</g><g class="images">${dots(images)}</g></svg>
    <figcaption>${title} · ${percent(shares[0])} of the variance from left to right, ${percent(shares[1])} from top to bottom</figcaption>
  </figure>`;
}

/** From the plane to the drawing: the same scale along both axes, centered, with one decimal. */
function scale(points: EmbeddingPlane['images']): (point: readonly [x: number, y: number]) => [x: number, y: number] {
  const range = (axis: 0 | 1): [low: number, extent: number] => {
    const values = points.map((point) => point[axis]);
    const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    return [low, high - low];
  };
  const [[left, across], [bottom, up]] = [range(0), range(1)];
  const [roomX, roomY] = [width - 2 * margin, height - 2 * margin];
  const factor = Math.min(across > 0 ? roomX / across : 1, up > 0 ? roomY / up : 1);
  const rounded = (value: number): number => Math.round(10 * value) / 10;
  return ([x, y]) => [
    rounded(width / 2 + factor * (x - left - across / 2)),
    rounded(height / 2 - factor * (y - bottom - up / 2)),
  ];
}
