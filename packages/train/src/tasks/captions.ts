/** The captions of a split: a tokenizer trained on them, and their lengths. */
import { loadTokenizer, type Split, saveTokenizer, type Tokenizer, textGroups, trainBpe } from '@tessera/data';
import { exists } from '@tessera/data/io';
import type { RunFolder } from '../run-folder/run-folder.ts';

/** The captions of a row that are used: of each column. */
export type CaptionsOfRow = 'all' | 'first';

/** The captions of a split, row by row; empty captions are skipped. */
async function* captionsOf(
  split: Split,
  column: string,
  which: CaptionsOfRow,
): AsyncGenerator<{ readonly row: number; readonly caption: string }> {
  for (let row = 0; row < split.length; row++) {
    const groups = textGroups((await split.row(row, [column]))[column]);
    for (const { texts } of groups)
      for (const caption of which === 'first' ? texts.slice(0, 1) : texts) yield { row, caption };
  }
}

/** Trains a BPE tokenizer on the captions of a split. @throws where there are no captions */
export async function learnTokenizer(
  split: Split,
  column: string,
  vocabSize: number,
  which: CaptionsOfRow = 'all',
): Promise<Tokenizer> {
  const captions: string[] = [];
  for await (const { caption } of captionsOf(split, column, which)) captions.push(caption);
  if (captions.length === 0)
    throw new Error(
      `${split.path}, split "${split.name}": column "${column}" contains no captions to train the tokenizer on`,
    );
  return trainBpe(captions, { vocabSize });
}

/** The run's own tokenizer if it exists already, otherwise the result of `learn`, which is stored in the run's folder. */
export async function runTokenizer(
  { tokenizer: path }: RunFolder,
  learn: () => Tokenizer | Promise<Tokenizer>,
): Promise<Tokenizer> {
  if (await exists(path)) return loadTokenizer(path);
  const tokenizer = await learn();
  await saveTokenizer(path, tokenizer);
  return tokenizer;
}

/** Statistics of the captions of a split. */
interface CaptionLengths {
  readonly count: number;
  /** Length of the longest caption in tokens, start and end included. */
  readonly longest: number;
  /** The number of captions that do not fit into the context. */
  readonly tooLong: number;
}

/** The limits for captions. */
export interface CaptionLimits {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  readonly onTooLong: 'error' | 'truncate';
  /** Default: all. */
  readonly which?: CaptionsOfRow;
}

/**
 * Measures the captions of a split.
 *
 * @throws where captions are longer than the context and `onTooLong` is `error`; the message counts them and shows the first
 */
async function checkCaptions(
  split: Split,
  column: string,
  { tokenizer, contextLength, onTooLong, which = 'all' }: CaptionLimits,
): Promise<CaptionLengths> {
  let count = 0;
  let longest = 0;
  const long: { row: number; caption: string; length: number }[] = [];
  for await (const { row, caption } of captionsOf(split, column, which)) {
    const { length } = tokenizer.encode(caption);
    count++;
    longest = Math.max(longest, length);
    if (length > contextLength) long.push({ row, caption, length });
  }
  if (long.length > 0 && onTooLong === 'error') {
    const shown = long
      .slice(0, 3)
      .map(({ row, caption, length }) => `row ${row}, ${length} tokens: ${JSON.stringify(caption.slice(0, 80))}`);
    throw new Error(
      [
        `${split.path}, split "${split.name}": ${long.length} of ${count} captions are longer than the context of ${contextLength} tokens; the longest has ${longest}`,
        ...shown,
        `shorten them, set model.text.contextLength=${longest}, or truncate them with tokenizer.onTooLong=truncate`,
      ].join('\n  '),
    );
  }
  return { count, longest, tooLong: long.length };
}

/**
 * As `checkCaptions` for several splits, with a message for each in which captions are cut.
 *
 * @returns the tokens of the longest caption of the first split, as far as they fit the context
 */
export async function checkAllCaptions(
  splits: readonly Split[],
  column: string,
  limits: CaptionLimits,
  say: (message: string) => void,
): Promise<number> {
  const { contextLength } = limits;
  const lengths: CaptionLengths[] = [];
  for (const split of splits) {
    const checked = await checkCaptions(split, column, limits);
    const { count, tooLong, longest } = checked;
    if (tooLong > 0)
      say(
        `${split.name}: ${tooLong} of ${count} captions are truncated to ${contextLength} tokens (the longest has ${longest})`,
      );
    lengths.push(checked);
  }
  return Math.min(lengths[0]?.longest ?? 0, contextLength);
}
