/** The captions of a split: a tokenizer trained on them, and their lengths. */
import { loadTokenizer, type Split, saveTokenizer, type Tokenizer, textGroups, trainBpe } from '@tessera/data';
import { exists } from '@tessera/data/io';
import type { RunFolder } from '../run-folder/run-folder.ts';
import { type CheckSettings, checkedRows } from './checked-rows.ts';

/** The captions of a row that are used: of each column. */
type CaptionsOfRow = 'all' | 'first';

/** Which captions are read. */
export interface CaptionChoice {
  readonly column: string;
  /** Default: all. */
  readonly which?: CaptionsOfRow;
  /** Of which rows; see `checkedRows`. */
  readonly data: CheckSettings;
}

/** The captions of a split, row by row; empty captions, and those in damaged parts of a file, are skipped. */
async function* captionsOf(
  split: Split,
  { column, which = 'all', data }: CaptionChoice,
): AsyncGenerator<{ readonly row: number; readonly caption: string }> {
  for await (const { from, count, value } of split.scan([column], checkedRows(split, data).ranges))
    for (let k = 0; k < count; k++)
      for (const { texts } of textGroups(value(0, k)))
        for (const caption of which === 'first' ? texts.slice(0, 1) : texts) yield { row: from + k, caption };
}

/** Trains a BPE tokenizer on captions of a split. @throws where there are none */
export async function learnTokenizer(split: Split, choice: CaptionChoice, vocabSize: number): Promise<Tokenizer> {
  const captions: string[] = [];
  for await (const { caption } of captionsOf(split, choice)) captions.push(caption);
  if (captions.length === 0)
    throw new Error(
      `${split.path}, split "${split.name}": column "${choice.column}" contains no captions to train the tokenizer on`,
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

/** What was found in the captions of a split. */
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
}

/** Captions that are too long, as far as an error shows them. */
const shownLong = 3;

/**
 * Measures the captions of a split.
 *
 * @throws where captions are longer than the context and `onTooLong` is `error`; the message counts them and shows the first
 */
async function checkCaptions(
  split: Split,
  choice: CaptionChoice,
  { tokenizer, contextLength, onTooLong }: CaptionLimits,
): Promise<CaptionLengths> {
  let [count, longest, tooLong] = [0, 0, 0];
  const shown: string[] = [];
  for await (const { row, caption } of captionsOf(split, choice)) {
    const { length } = tokenizer.encode(caption);
    count++;
    longest = Math.max(longest, length);
    if (length <= contextLength) continue;
    tooLong++;
    if (shown.length < shownLong) shown.push(`row ${row}, ${length} tokens: ${JSON.stringify(caption.slice(0, 80))}`);
  }
  if (tooLong > 0 && onTooLong === 'error')
    throw new Error(
      [
        `${split.path}, split "${split.name}": ${tooLong} of ${count} captions are longer than the context of ${contextLength} tokens; the longest has ${longest}`,
        ...shown,
        `shorten them, set model.text.contextLength=${longest}, or truncate them with tokenizer.onTooLong=truncate`,
      ].join('\n  '),
    );
  return { count, longest, tooLong };
}

/** What training needs to know of the captions. */
export interface CheckedCaptions extends Pick<CaptionLimits, 'onTooLong'> {
  /** The tokens of the longest caption of the first split, as far as they fit the context. */
  readonly longest: number;
  /** Whether all captions of this split were read. If not, longer ones can come up in training, and are truncated. */
  readonly complete: boolean;
}

/**
 * As `checkCaptions` for several splits, with a message for each in which captions are cut, or may be.
 *
 * @param splits the training split, and then others
 */
export async function checkAllCaptions(
  splits: readonly Split[],
  choice: CaptionChoice,
  limits: CaptionLimits,
  say: (message: string) => void,
): Promise<CheckedCaptions> {
  const { contextLength } = limits;
  const lengths: CaptionLengths[] = [];
  for (const split of splits) {
    const checked = await checkCaptions(split, choice, limits);
    const { count, tooLong, longest } = checked;
    if (tooLong > 0)
      say(
        `${split.name}: ${tooLong} of ${count} captions are truncated to ${contextLength} tokens (the longest has ${longest})`,
      );
    lengths.push(checked);
  }
  const [train] = splits;
  const complete = train === undefined || checkedRows(train, choice.data).complete;
  if (!complete && limits.onTooLong === 'error')
    say(
      `${train.name}: not all captions were read: longer ones that come up in training are truncated to ${contextLength} tokens (data.checkRows=all: they are an error before it)`,
    );
  return {
    longest: Math.min(lengths[0]?.longest ?? 0, contextLength),
    complete,
    onTooLong: complete ? limits.onTooLong : 'truncate',
  };
}
