import { BpeSymbols, leftOfPair, type Merge, pairKey, replacePair, rightOfPair } from './bpe.ts';
import { MaxHeap } from './max-heap.ts';
import { Tokenizer } from './tokenizer.ts';
import { baseIdsOfWord, END_OF_TEXT, START_OF_TEXT, wordsOf } from './words.ts';

export interface TrainBpeOptions {
  /** Number of ids wanted: 512 base symbols, the merges, start and end token. 2,000 to 8,000 serve small data well. */
  vocabSize: number;
  /** Pairs that occur less often are never merged, even if the vocabulary then stays smaller than asked. Default 2. */
  minCount?: number;
}

interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/** The pair to merge first: the more frequent; of equally frequent ones the smaller left id, then the smaller right id. */
const comesFirst = (a: Candidate, b: Candidate): boolean => (a.count !== b.count ? a.count > b.count : a.pair < b.pair);

/**
 * A byte-pair vocabulary learned from captions (Sennrich et al. 2016), with CLIP's cleaning and word pattern.
 *
 * Again and again the most frequent pair of neighbouring symbols within words becomes one symbol. Deterministic: pairs that are
 * equally frequent are taken in the order of their ids (left, then right), and ids are given in the order of the merges; the
 * order of the captions does not matter.
 *
 * The result has `vocabSize` tokens, or fewer where the captions have no more pairs that occur `minCount` times.
 */
export function trainBpe(captions: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const { vocabSize, minCount = 2 } = options;
  const symbols = new BpeSymbols();
  const smallest = symbols.symbols.length + 2;
  if (!Number.isInteger(vocabSize) || vocabSize < smallest) {
    throw new RangeError(
      `trainBpe: vocabSize ${vocabSize} is too small, 512 base symbols with start and end token are ${smallest}`,
    );
  }
  const { words, counts } = countWords(captions);
  if (words.length === 0) throw new Error('trainBpe: the captions hold no word to learn from');

  const pairs = new PairCounts();
  for (const [index, word] of words.entries()) pairs.add(word, index, counts[index]);
  const heap = new MaxHeap<Candidate>(comesFirst);
  for (const pair of pairs.takeChanged()) heap.push({ pair, count: pairs.count(pair) });

  const merges: Merge[] = [];
  while (symbols.symbols.length + 2 < vocabSize) {
    const best = heap.pop();
    if (!best || best.count < minCount) break;
    // Counts change after a candidate was pushed; each change pushes a fresh candidate, and the stale ones are skipped here.
    if (pairs.count(best.pair) !== best.count) continue;
    const left = leftOfPair(best.pair);
    const right = rightOfPair(best.pair);
    // A pair can come back after its merge, where another merge makes one of its symbols anew ("ab" + "c", "a" + "bc").
    if (!symbols.hasMerge(left, right)) merges.push([symbols.symbols[left], symbols.symbols[right]]);
    const merged = symbols.addMerge(left, right);
    for (const index of pairs.wordsWith(best.pair)) {
      const replaced = replacePair(words[index], left, right, merged);
      if (replaced.length === words[index].length) continue;
      pairs.remove(words[index], counts[index]);
      pairs.add(replaced, index, counts[index]);
      words[index] = replaced;
    }
    for (const pair of pairs.takeChanged()) {
      const count = pairs.count(pair);
      if (count > 0) heap.push({ pair, count });
    }
  }
  return new Tokenizer(merges);
}

/** The distinct words of the captions as base ids, and how often each occurs. */
function countWords(captions: Iterable<string>): { words: number[][]; counts: number[] } {
  const occurrences = new Map<string, number>();
  for (const caption of captions) {
    for (const word of wordsOf(caption)) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  }
  occurrences.delete(START_OF_TEXT);
  occurrences.delete(END_OF_TEXT);
  return { words: [...occurrences.keys()].map(baseIdsOfWord), counts: [...occurrences.values()] };
}

/** How often each pair of neighbours occurs over all words, which words may hold it, and which counts changed lately. */
class PairCounts {
  readonly #counts = new Map<number, number>();
  readonly #words = new Map<number, Set<number>>();
  #changed = new Set<number>();

  count(pair: number): number {
    return this.#counts.get(pair) ?? 0;
  }

  /** Indices of the words that hold the pair, perhaps with some that held it once. */
  wordsWith(pair: number): number[] {
    return [...(this.#words.get(pair) ?? [])];
  }

  add(word: readonly number[], index: number, occurrences: number): void {
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = pairKey(word[i], word[i + 1]);
      this.#change(pair, occurrences);
      let words = this.#words.get(pair);
      if (!words) {
        words = new Set();
        this.#words.set(pair, words);
      }
      words.add(index);
    }
  }

  remove(word: readonly number[], occurrences: number): void {
    for (let i = 0; i + 1 < word.length; i++) this.#change(pairKey(word[i], word[i + 1]), -occurrences);
  }

  /** The pairs whose counts were touched since the last call. */
  takeChanged(): Set<number> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  #change(pair: number, by: number): void {
    this.#counts.set(pair, this.count(pair) + by);
    this.#changed.add(pair);
  }
}
