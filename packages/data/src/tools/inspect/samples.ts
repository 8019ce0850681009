/** Rows to look at: their pictures at one size, with their captions and labels. */
import type { Split } from '../../dataset/split.ts';
import { DamagedRowsError } from '../../format/shard.ts';
import { openImage } from '../../image/open.ts';
import { textsOf } from './captions.ts';
import { encodedImage } from './pictures.ts';
import { pictureAndCaption } from './split.ts';
import { labelColumns } from './values.ts';

/** A row with its picture. */
export interface SampleRow {
  readonly row: number;
  /** RGB, u8 [side, side, 3]: the picture in the middle of light gray. Null: there is none, or it cannot be decoded. */
  readonly pixels: Uint8Array | null;
  /** The names of its classes. */
  readonly labels: readonly string[];
  readonly caption: string;
}

const background = '#f0f0ec';

async function fitted(bytes: Uint8Array, side: number): Promise<Uint8Array | null> {
  try {
    const { data } = await openImage(bytes)
      .flatten({ background: '#ffffff' })
      .resize({ width: side, height: side, fit: 'contain', background })
      .flatten({ background })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return data.length === side * side * 3 ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : null;
  } catch {
    return null;
  }
}

/** Up to `count` rows, spread over the split. @param side of the pictures in pixels */
export async function sampleRows(split: Split, count: number, side: number): Promise<SampleRow[]> {
  const { image, captions } = pictureAndCaption(split);
  const labels = labelColumns(split.features);
  const columns = [...new Set([image, captions, ...labels].filter((name) => name !== null))];
  const found: SampleRow[] = [];
  for (const at of split.sample(count)) {
    const row = split.selected?.at(at) ?? at;
    try {
      const values = await split.row(at, columns);
      const encoded = image === null ? null : encodedImage(values[image]);
      const names = labels.flatMap((name) => {
        const f = split.features[name];
        const classes = f?.type === 'list' ? f.feature : f;
        const own = [values[name]].flat().filter((value) => value !== null && value !== undefined);
        return own.map((value) => (classes?.type === 'class' ? (classes.names[Number(value)] ?? '') : String(value)));
      });
      found.push({
        row,
        pixels: encoded === null ? null : await fitted(encoded.bytes, side),
        labels: names.filter((name) => name !== ''),
        caption: captions === null ? '' : (textsOf(values[captions])[0] ?? ''),
      });
    } catch (error) {
      if (!(error instanceof DamagedRowsError)) throw error;
      found.push({ row, pixels: null, labels: [], caption: '' });
    }
  }
  return found;
}
