/** Which of a row's texts an epoch uses. */
import type { CounterRandom } from '../random.ts';
import type { CaptionChoice, FoundColumn, RowTexts } from './columns.ts';

/** The texts of a row, and those that the epoch uses. */
export const chooseTexts = (
  all: readonly string[],
  { choice = 'first', count = 1 }: FoundColumn,
  random: CounterRandom,
): RowTexts => ({
  all,
  picked: chooseCaptions(all, choice, count, random),
});

/** Picks the first caption of a row. */
function chooseCaption(captions: readonly string[], choice: CaptionChoice, random: CounterRandom): string {
  const [first = '', ...others] = captions;
  if (choice === 'first' || others.length === 0) return first;
  if (choice === 'random') return captions[random.below(captions.length)] as string;
  return random.uniform() < choice.first ? first : (others[random.below(others.length)] as string);
}

/** Picks several captions of a row: the first with `chooseCaption`, the others at random. No caption is repeated before all were picked. */
function chooseCaptions(
  captions: readonly string[],
  choice: CaptionChoice,
  count: number,
  random: CounterRandom,
): string[] {
  const picked: string[] = [];
  let left: string[] = [];
  for (let k = 0; k < count; k++) {
    if (left.length === 0) left = [...captions];
    const caption = k === 0 ? chooseCaption(captions, choice, random) : (left[random.below(left.length)] ?? '');
    picked.push(caption);
    left.splice(left.indexOf(caption), 1);
  }
  return picked;
}
