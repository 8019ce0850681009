/** Statistics of the rows of one split. */
import type { Split } from '../../dataset/split.ts';
import { comparedCaption, type DuplicateFinder } from '../../duplicates/finder.ts';
import { DamagedRowsError, type Row } from '../../format/shard.ts';
import { mapInOrder } from '../../io/concurrency.ts';
import { resolveColumns, usualColumns } from '../../loader/columns.ts';
import { CaptionCounter, type CaptionStatistics, type CountTokens } from './captions.ts';
import { PictureCounter, type PictureStatistics, type SeenPicture, seePicture } from './pictures.ts';
import {
  LabelCounter,
  type LabelStatistics,
  labelColumns,
  NumberCounter,
  type NumberStatistics,
  numberColumns,
} from './values.ts';

/** A row that repeats an earlier one. */
interface Repetition {
  readonly row: number;
  readonly reason: string;
  /** Different bits of similar pictures. */
  readonly distance: number | null;
  readonly of: { readonly split: string; readonly row: number };
}

interface DuplicateStatistics {
  /** Rows whose picture is the file of an earlier row. */
  readonly samePicture: number;
  readonly similarPicture: number;
  readonly sameCaption: number;
  /** Rows whose picture repeats one of another split. */
  readonly otherSplit: number;
  /** The first of them. */
  readonly examples: readonly Repetition[];
}

export interface SplitStatistics {
  /** The number of rows that were read. */
  readonly rows: number;
  /** Rows in damaged parts of files. */
  readonly damaged: number;
  readonly pictures: PictureStatistics | null;
  readonly captions: CaptionStatistics | null;
  readonly labels: readonly LabelStatistics[];
  readonly numbers: readonly NumberStatistics[];
  readonly duplicates: DuplicateStatistics;
}

/** What is known of the rows of all splits so far. */
export interface SeenRows {
  readonly pictures: DuplicateFinder;
  readonly captions: DuplicateFinder;
  readonly picturePlaces: { split: string; row: number }[];
  readonly captionPlaces: { split: string; row: number }[];
}

/** The columns of pictures and captions; null where there is none. */
export function pictureAndCaption({ features, path }: Split): { image: string | null; captions: string | null } {
  const { image, captions } = usualColumns;
  const wanted = { image: { ...image, optional: true }, captions: { ...captions, optional: true } };
  const found = resolveColumns(features, wanted, path);
  return { image: found.image?.column ?? null, captions: found.captions?.column ?? null };
}

const rowsAtOnce = 8;
const examplesShown = 20;

/** Counts repetitions of rows, within a split and of other splits. */
class RepetitionCounter {
  readonly #split: string;
  readonly #seen: SeenRows;
  readonly #examples: Repetition[] = [];
  #counts = { samePicture: 0, similarPicture: 0, sameCaption: 0, otherSplit: 0 };

  constructor(split: string, seen: SeenRows) {
    this.#split = split;
    this.#seen = seen;
  }

  addPicture(row: number, picture: SeenPicture): void {
    const { pictures, picturePlaces } = this.#seen;
    const compared = { picture: picture.compared, text: null };
    const match = pictures.find(compared);
    if (match === null) {
      picturePlaces[pictures.add(compared)] = { split: this.#split, row };
      return;
    }
    const { reason, distance } = match;
    const of = picturePlaces[match.number] as { split: string; row: number };
    if (reason === 'similar picture') this.#counts.similarPicture++;
    else this.#counts.samePicture++;
    if (of.split !== this.#split) this.#counts.otherSplit++;
    this.#example({ row, reason, distance, of });
  }

  addCaption(row: number, value: unknown): void {
    const { captions, captionPlaces } = this.#seen;
    const compared = { picture: null, text: comparedCaption(value) };
    const match = captions.find(compared);
    if (match === null) captionPlaces[captions.add(compared)] = { split: this.#split, row };
    else {
      this.#counts.sameCaption++;
      const of = captionPlaces[match.number] as { split: string; row: number };
      this.#example({ row, reason: 'same caption', distance: null, of });
    }
  }

  #example(repetition: Repetition): void {
    const sameKind = this.#examples.filter(({ reason }) => reason === repetition.reason).length;
    if (sameKind < examplesShown) this.#examples.push(repetition);
  }

  statistics(): DuplicateStatistics {
    return { ...this.#counts, examples: this.#examples };
  }
}

/**
 * Reads rows of a split, and counts what is in them.
 *
 * @param rows the numbers of the rows
 */
export async function splitStatistics(
  split: Split,
  rows: Iterable<number>,
  seen: SeenRows,
  { countTokens, onRow }: { readonly countTokens: CountTokens | null; readonly onRow: () => void },
): Promise<SplitStatistics> {
  const { image, captions } = pictureAndCaption(split);
  const pictures = image === null ? null : new PictureCounter(image);
  const texts = captions === null ? null : new CaptionCounter(captions, countTokens);
  const labels = labelColumns(split.features).map(
    (name) => [name, new LabelCounter(name, split.features[name])] as const,
  );
  const numbers = numberColumns(split.features).map((name) => [name, new NumberCounter(name)] as const);
  const repetitions = new RepetitionCounter(split.name, seen);
  const columns = [image, captions, ...labels.map(([name]) => name), ...numbers.map(([name]) => name)];
  const wanted = [...new Set(columns.filter((name) => name !== null))];
  const read = async (at: number): Promise<{ row: number; values: Row | null; picture: SeenPicture | null }> => {
    const row = split.selected?.at(at) ?? at;
    try {
      const values = await split.row(at, wanted);
      return { row, values, picture: image === null ? null : await seePicture(values[image]) };
    } catch (error) {
      if (!(error instanceof DamagedRowsError)) throw error;
      return { row, values: null, picture: null };
    }
  };
  let [count, damaged] = [0, 0];
  for await (const { row, values, picture } of mapInOrder(rows, rowsAtOnce, read)) {
    count++;
    if (values === null) damaged++;
    else {
      pictures?.add(row, picture);
      if (picture !== null) repetitions.addPicture(row, picture);
      if (captions !== null) {
        texts?.add(values[captions]);
        repetitions.addCaption(row, values[captions]);
      }
      for (const [name, counter] of labels) counter.add(values[name]);
      for (const [name, counter] of numbers) counter.add(values[name]);
    }
    onRow();
    if (count % 64 === 0) await new Promise(setImmediate);
  }
  return {
    rows: count,
    damaged,
    pictures: pictures?.statistics() ?? null,
    captions: texts?.statistics() ?? null,
    labels: labels.map(([, counter]) => counter.statistics()).filter((each) => each !== null),
    numbers: numbers.map(([, counter]) => counter.statistics()),
    duplicates: repetitions.statistics(),
  };
}
