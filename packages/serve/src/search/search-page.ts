/** Found images as a page: one HTML file that loads nothing. */
import { openImage } from '@tessera/data';
import { html, imageDataUri, renderPage } from '@tessera/train/report';
import { nameOf } from './contact-sheet.ts';
import type { FoundFile } from './read-found.ts';

/** The longer side of a picture on the page, in pixels. */
const shownSize = 320;

const styles = html`.found{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:16px}
.found figure{margin:0}.found img{width:100%;aspect-ratio:1;object-fit:contain;border-radius:6px}
.found figcaption{overflow-wrap:anywhere}`;

/** @param facts label to value, above the images */
export async function renderSearchPage(
  query: string,
  found: readonly FoundFile[],
  facts: Readonly<Record<string, string>>,
): Promise<string> {
  const figures = await Promise.all(
    found.map(async (image, k) => {
      const picture = await openImage(image.bytes)
        .resize({ width: shownSize, height: shownSize, fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 85 })
        .toBuffer();
      return html`<figure><img class="plate" src="${imageDataUri(picture)}" alt="${nameOf(image)}" loading="lazy">
<figcaption><div>${k + 1}. ${image.similarity.toFixed(3)}</div><div class="note">${nameOf(image)}</div></figcaption></figure>`;
    }),
  );
  return renderPage({
    kind: 'search',
    title: query,
    highlights: Object.entries(facts).map(([label, value]) => ({ label, value, note: '' })),
    styles,
    content: html`<article class="card"><div class="found">${figures}</div></article>`,
    footer: 'The number is the cosine of the features of image and query.',
    scripts: html``,
  });
}
