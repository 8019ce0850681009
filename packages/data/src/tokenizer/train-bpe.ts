/** Training of byte-pair vocabularies. */
import { BpeSymbols, leftOfPair, type Merge, pairsOf, replacePair, rightOfPair } from './bpe.ts';
import { BytePairTokenizer } from './byte-pair-tokenizer.ts';
import { MaxHeap } from './max-heap.ts';
import { baseIdsOfWord, END_OF_TEXT, START_OF_TEXT, wordsOf } from './words.ts';

export interface TrainBpeOptions {
  /** Number of ids wanted: 512 base symbols, the merges, start and end token. 2,000 to 8,000 work well for small datasets. */
  vocabSize: number;
  /** Pairs that occur less often are never merged, even if the vocabulary then stays smaller than requested. Default 2. */
  minCount?: number;
}

interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/** The pair to merge first: the more frequent one; among equally frequent pairs the smaller left id, then the smaller right id. */
const comesFirst = (a: Candidate, b: Candidate): boolean => (a.count !== b.count ? a.count > b.count : a.pair < b.pair);

/**
 * Learns a byte-pair vocabulary from captions (Sennrich et al. 2016), with CLIP's cleaning and word pattern.
 *
 * The most frequent pair of neighboring symbols within words becomes one symbol, repeatedly. The result is deterministic: equally
 * frequent pairs are merged in the order of their ids (left, then right), ids are assigned in the order of the merges, and the order
 * of the captions does not matter.
 *
 * @returns a tokenizer with `vocabSize` tokens, or fewer if no more pairs occur `minCount` times
 * @throws if `vocabSize` is smaller than the 512 base symbols with start and end token, or if the captions contain no words
 */
export function trainBpe(captions: Iterable<string>, options: TrainBpeOptions): BytePairTokenizer {
  const { vocabSize, minCount = 2 } = options;
  const symbols = new BpeSymbols();
  const smallest = symbols.size + 2;
  if (!Number.isInteger(vocabSize) || vocabSize < smallest) {
    throw new RangeError(
      `trainBpe: vocabSize ${vocabSize} is too small: 512 base symbols with start and end token need ${smallest}`,
    );
  }
  const words = countWords(captions);
  if (words.length === 0) throw new Error('trainBpe: the captions contain no words to learn from');

  const pairs = new PairCounts();
  for (const word of words) pairs.add(word, word.ids);
  const heap = new MaxHeap<Candidate>(comesFirst);
  for (const pair of pairs.takeChanged()) heap.push({ pair, count: pairs.count(pair) });

  const merges: Merge[] = [];
  while (symbols.size + 2 < vocabSize) {
    const best = heap.pop();
    if (!best || best.count < minCount) break;
    // Counts change after a candidate is pushed; each change pushes a new candidate, and outdated ones are skipped here.
    if (pairs.count(best.pair) !== best.count) continue;
    const left = leftOfPair(best.pair);
    const right = rightOfPair(best.pair);
    // A pair can come back after its merge, when another merge produces one of its symbols again ("ab" + "c", "a" + "bc").
    if (!symbols.hasMerge(left, right)) merges.push([symbols.symbolOf(left), symbols.symbolOf(right)]);
    const merged = symbols.addMerge(left, right);
    for (const word of pairs.wordsWith(best.pair)) {
      const replaced = replacePair(word.ids, best.pair, merged);
      if (replaced.length === word.ids.length) continue;
      pairs.remove(word);
      pairs.add(word, replaced);
      word.ids = replaced;
    }
    for (const pair of pairs.takeChanged()) {
      const count = pairs.count(pair);
      if (count > 0) heap.push({ pair, count });
    }
  }
  return new BytePairTokenizer(merges);
}

/** A distinct word of the captions. */
interface Word {
  /** Its symbols so far. */
  ids: readonly number[];
  /** How often it occurs. */
  readonly occurrences: number;
}

/** The distinct words of the captions, split into base symbols. */
function countWords(captions: Iterable<string>): Word[] {
  const occurrences = new Map<string, number>();
  for (const caption of captions) {
    for (const word of wordsOf(caption)) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  }
  occurrences.delete(START_OF_TEXT);
  occurrences.delete(END_OF_TEXT);
  return Array.from(occurrences, ([word, count]) => ({ ids: baseIdsOfWord(word), occurrences: count }));
}

/** How often each pair of neighbors occurs over all words, which words may contain it, and which counts changed lately. */
class PairCounts {
  readonly #counts = new Map<number, number>();
  readonly #words = new Map<number, Set<Word>>();
  #changed = new Set<number>();

  count(pair: number): number {
    return this.#counts.get(pair) ?? 0;
  }

  /** The words that contain the pair, possibly with some that no longer do. */
  wordsWith(pair: number): Word[] {
    return [...(this.#words.get(pair) ?? [])];
  }

  /** Counts the pairs of a word with these symbols. */
  add(word: Word, ids: readonly number[]): void {
    for (const pair of pairsOf(ids)) {
      this.#change(pair, word.occurrences);
      const words = this.#words.get(pair);
      if (words) words.add(word);
      else this.#words.set(pair, new Set([word]));
    }
  }

  /** Takes the pairs of the word's present symbols out of the counts. */
  remove({ ids, occurrences }: Word): void {
    for (const pair of pairsOf(ids)) this.#change(pair, -occurrences);
  }

  /** The pairs whose counts were changed since the last call. */
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
