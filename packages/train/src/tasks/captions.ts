import type { Split } from '@tessera/data';
import { type Tokenizer, trainBpe } from '@tessera/data';

/** All captions of a split, row after row; rows without any are passed over. */
async function* captionsOf(split: Split, column: string): AsyncGenerator<{ row: number; caption: string }> {
  for (let row = 0; row < split.length; row++)
    for (const caption of [split.row(row, [column])[column]].flat())
      if (typeof caption === 'string' && caption.trim() !== '') yield { row, caption };
}

/** A BPE vocabulary learned from a split's captions. @throws where there are no captions */
export async function learnTokenizer(split: Split, column: string, vocabSize: number): Promise<Tokenizer> {
  const captions: string[] = [];
  for await (const { caption } of captionsOf(split, column)) captions.push(caption);
  if (captions.length === 0)
    throw new Error(`${split.path}, split "${split.name}": column "${column}" holds no caption to learn words from`);
  return trainBpe(captions, { vocabSize });
}

/** How long a split's captions are in tokens, start and end included. */
export interface CaptionLengths {
  readonly count: number;
  readonly longest: number;
  /** How many do not fit the context. */
  readonly tooLong: number;
}

/**
 * Measures all captions of a split.
 *
 * @throws where some are longer than the context and may not be cut: the message counts them and names the first
 */
export async function checkCaptions(
  split: Split,
  column: string,
  tokenizer: Tokenizer,
  contextLength: number,
  onTooLong: 'error' | 'truncate',
): Promise<CaptionLengths> {
  let count = 0;
  let longest = 0;
  const long: { row: number; caption: string; length: number }[] = [];
  for await (const { row, caption } of captionsOf(split, column)) {
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
        `${split.path}, split "${split.name}": ${long.length} of ${count} captions are longer than the context of ${contextLength} tokens, the longest has ${longest}`,
        ...shown,
        `shorten them, set model.text.contextLength=${longest}, or cut them with tokenizer.onTooLong=truncate`,
      ].join('\n  '),
    );
  }
  return { count, longest, tooLong: long.length };
}
