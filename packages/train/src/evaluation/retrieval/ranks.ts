/** Ranks of the right answers to queries, and the recalls that follow from them. */

/** How well queries find the items of their concept. Recalls are shares from 0 to 1. */
export interface Recall {
  /** Share of the queries for which an item of the same concept comes first. */
  readonly r1: number;
  /** ... among the first 5. */
  readonly r5: number;
  /** ... among the first 10. */
  readonly r10: number;
  /** Median over the queries of the best right item's rank, from 1. Null where more than half of the queries have none. */
  readonly medianRank: number | null;
  readonly queries: number;
  readonly candidates: number;
}

/**
 * The rank from 1 of the best item that has the query's concept. Ties count against the query: a model that assigns the same score to
 * all items finds nothing. Infinity where the best right item scores -Infinity.
 *
 * @param scores one for each item
 * @throws where no item has the concept; the message names the query
 */
export function rankOfConcept(
  scores: Float64Array,
  itemConcepts: ArrayLike<number>,
  concept: number,
  query: number,
): number {
  let best = Number.NEGATIVE_INFINITY;
  let found = false;
  for (let item = 0; item < scores.length; item++) {
    if (itemConcepts[item] !== concept) continue;
    found = true;
    const score = scores[item] as number;
    if (score > best) best = score;
  }
  if (!found) {
    throw new Error(`retrieval: query ${query} has concept ${concept}, which none of the ${scores.length} items has`);
  }
  if (best === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY;
  let rank = 1;
  for (let item = 0; item < scores.length; item++) {
    if ((scores[item] as number) >= best && itemConcepts[item] !== concept) rank++;
  }
  return rank;
}

/** Summary of the queries' ranks. */
export function recallOfRanks(ranks: Float64Array, candidates: number): Recall {
  const queries = ranks.length;
  if (queries === 0) throw new Error('retrieval: there are no queries');
  const within = (k: number): number => ranks.reduce((hits, rank) => hits + (rank <= k ? 1 : 0), 0) / queries;
  const median = medianOf(ranks);
  return {
    r1: within(1),
    r5: within(5),
    r10: within(10),
    medianRank: Number.isFinite(median) ? median : null,
    queries,
    candidates,
  };
}

/** The mean of the one or two values in the middle. */
function medianOf(values: Float64Array): number {
  const middle = values.toSorted().subarray((values.length - 1) >> 1, (values.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/**
 * The expected recall of a random ranking. With p right items among n, the probability that none of them is among the first k is
 * C(n - p, k) / C(n, k).
 */
export function chanceRecall(rowConcepts: ArrayLike<number>, columnConcepts: ArrayLike<number>): Recall {
  const candidates = columnConcepts.length;
  const itemsOfConcept = countConcepts(columnConcepts);
  const queriesOfCount = new Map<number, number>();
  for (const concept of Array.from(rowConcepts)) {
    const right = itemsOfConcept.get(concept) ?? 0;
    queriesOfCount.set(right, (queriesOfCount.get(right) ?? 0) + 1);
  }
  // Probability of no hit among the first k, for each number of right items; k grows in the loop below.
  const misses = [...queriesOfCount].map(([right, queries]) => ({ right, queries, probability: 1 }));
  /** The recall among the first 1, 2, ... items. */
  const recalls: number[] = [];
  let medianRank: number | null = null;
  for (let k = 1; k <= candidates && (k <= 10 || medianRank === null); k++) {
    let hits = 0;
    for (const miss of misses) {
      miss.probability *= Math.max(0, candidates - miss.right - (k - 1)) / (candidates - (k - 1));
      hits += miss.queries * (1 - miss.probability);
    }
    const recall = hits / rowConcepts.length;
    recalls.push(recall);
    if (recall >= 0.5) medianRank ??= k;
  }
  const within = (k: number): number => recalls[Math.min(k, candidates) - 1] ?? 0;
  return { r1: within(1), r5: within(5), r10: within(10), medianRank, queries: rowConcepts.length, candidates };
}

/** The number of items of each concept. */
function countConcepts(concepts: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const concept of Array.from(concepts)) counts.set(concept, (counts.get(concept) ?? 0) + 1);
  return counts;
}
