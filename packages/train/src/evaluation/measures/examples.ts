/** Examples of a split as pictures with some lines of text: in the report, and as files next to the run. */
import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { type Html, html } from '../../report/html.ts';
import { pictureSheet, pixelsDataUri } from '../../report/pictures.ts';

/** An example as a picture: u8 [height, width, 3] with some lines of text. */
export interface Example {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly lines: readonly string[];
  /** Whether the model is right; null where that is not a question. */
  readonly right: boolean | null;
}

/** Pictures in a row of `examples-SPLIT.png`. */
const sheetColumns = 6;

/** The examples as a card of the report. `note`: what they show. Undefined where there are none. */
export async function examplesCard(note: string, examples: readonly Example[]): Promise<Html | undefined> {
  if (examples.length === 0) return undefined;
  const figures = await Promise.all(
    examples.map(async ({ pixels, height, width, lines, right }) => {
      const image = await pixelsDataUri(pixels, { height, width, channels: 3 });
      return html`<figure class="${right === true ? 'right' : 'other'}">
  <img class="plate" src="${image}" alt="${lines[0] ?? ''}" loading="lazy">
  <figcaption>${lines.map((line) => html`<div>${line}</div>`)}</figcaption>
</figure>`;
    }),
  );
  return html`<article class="card"><p class="note">${note}</p><div class="examples">${figures}</div></article>`;
}

/** Writes `examples-SPLIT.png`, and the lines of its pictures in their order to `examples-SPLIT.json`. */
export async function writeExamples(split: string, examples: readonly Example[], folder: string): Promise<void> {
  const [first] = examples;
  if (first === undefined) return;
  const lines = examples.map(({ lines, right }) => ({ lines, ...(right === null ? {} : { right }) }));
  const pictures = examples.map(({ pixels }) => pixels);
  await writeFileAtomic(join(folder, `examples-${split}.json`), [`${JSON.stringify(lines, null, 1)}\n`]);
  await writeFileAtomic(join(folder, `examples-${split}.png`), [await pictureSheet(pictures, first, sheetColumns)]);
}
