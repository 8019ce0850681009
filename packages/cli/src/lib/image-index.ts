/** Where indices of images are kept, and how their update is shown. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { type IndexUpdate, updateIndex } from '@tessera/serve';
import type { LoadedModel } from '@tessera/train';
import { toCaller } from './call.ts';
import { ProgressBar } from './progress-bar.ts';

/** A name for files: the letters and digits of a title. */
export const fileNameOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60) || createHash('sha256').update(title).digest('hex').slice(0, 8);

/** The folder of the index of a data set. */
export const indexFolder = (out: string, dataset: string): string =>
  join(out, `${fileNameOf(basename(dataset))}-${createHash('sha256').update(dataset).digest('hex').slice(0, 8)}`);

/** Embeds the images of a data set that are new, and says how many there are and which are left out. */
export async function bringUpToDate(model: LoadedModel, dataset: string, folder: string): Promise<IndexUpdate> {
  const bar = new ProgressBar();
  const update = await updateIndex(model, dataset, folder, (done, total) =>
    bar.update(done / total, [`images embedded: ${done} of ${total}`]),
  );
  bar.finish();
  const { index, kept, leftOut } = update;
  const rest = kept === 0 ? '' : `, ${kept} of them from the index`;
  console.error(`${toCaller(index.dataset)}: ${index.images.length} images${rest}`);
  for (const { split, row, reason } of leftOut.slice(0, 5))
    console.error(`  left out: ${split}, row ${row}: ${reason}`);
  if (leftOut.length > 5) console.error(`  left out: ${leftOut.length} images in total`);
  return update;
}
