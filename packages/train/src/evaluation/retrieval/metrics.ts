/** Retrieval by cosine similarity: recalls in both directions, and the nearest neighbors of queries. */
import { elementAt } from '../element-at.ts';
import { innerProducts, normalizeRows, rowAt, rowCount } from './products.ts';
import { chanceRecall, type Recall, rankOfConcept, recallOfRanks } from './ranks.ts';

/** The largest number of scores in memory at a time: 64 MiB. */
const MAX_SCORES = 2 ** 23;

export interface RetrievalConcepts {
  /** What each image shows, as a number: any item of the same concept is a right answer. N values. */
  readonly imageConcepts: ArrayLike<number>;
  /** What each text describes. M values. */
  readonly textConcepts: ArrayLike<number>;
}

/** Both directions of zero-shot retrieval, and the same for a random ranking. */
export interface RetrievalMetrics {
  readonly imageToText: Recall;
  readonly textToImage: Recall;
  readonly chance: { readonly imageToText: Recall; readonly textToImage: Recall };
}

/**
 * Retrieval by cosine similarity in both directions. All items of the query's concept are right answers; ties count against the query.
 *
 * @param imageFeatures row-major [N, dims]; they need not be normalized
 * @param textFeatures row-major [M, dims]
 * @throws where a feature is not finite, sizes do not fit, or a concept has no item on the other side
 */
export function retrievalMetrics(
  imageFeatures: Float32Array,
  textFeatures: Float32Array,
  dims: number,
  { imageConcepts, textConcepts }: RetrievalConcepts,
): RetrievalMetrics {
  checkConcepts('image', rowCount(imageFeatures, dims), imageConcepts);
  checkConcepts('text', rowCount(textFeatures, dims), textConcepts);
  const images = normalizeRows(imageFeatures, dims, 'image features');
  const texts = normalizeRows(textFeatures, dims, 'text features');
  return {
    imageToText: recallOf(images, texts, dims, imageConcepts, textConcepts),
    textToImage: recallOf(texts, images, dims, textConcepts, imageConcepts),
    chance: chanceLevels({ imageConcepts, textConcepts }),
  };
}

/** The expected recalls of a random ranking in both directions. */
export const chanceLevels = ({ imageConcepts, textConcepts }: RetrievalConcepts): RetrievalMetrics['chance'] => ({
  imageToText: chanceRecall(imageConcepts, textConcepts),
  textToImage: chanceRecall(textConcepts, imageConcepts),
});

function checkConcepts(what: string, rows: number, concepts: ArrayLike<number>): void {
  if (concepts.length !== rows) {
    throw new RangeError(`retrieval: ${rows} ${what} features, but ${concepts.length} ${what} concepts`);
  }
}

function recallOf(
  queries: Float32Array,
  items: Float32Array,
  dims: number,
  queryConcepts: ArrayLike<number>,
  itemConcepts: ArrayLike<number>,
): Recall {
  const ranks = new Float64Array(queryConcepts.length);
  for (const { query, scores } of scoreRows(queries, items, dims)) {
    ranks[query] = rankOfConcept(scores, itemConcepts, elementAt(queryConcepts, query), query);
  }
  return recallOfRanks(ranks, itemConcepts.length);
}

/** The scores of all items for each query, computed for a block of queries at a time so that memory stays bounded. */
function* scoreRows(queries: Float32Array, items: Float32Array, dims: number) {
  const queryCount = rowCount(queries, dims);
  const itemCount = rowCount(items, dims);
  const block = Math.max(1, Math.floor(MAX_SCORES / Math.max(1, itemCount)));
  for (let start = 0; start < queryCount; start += block) {
    const end = Math.min(start + block, queryCount);
    const scores = innerProducts(queries.subarray(start * dims, end * dims), items, dims);
    for (let query = start; query < end; query++) yield { query, scores: rowAt(scores, query - start, itemCount) };
  }
}

export interface Neighbors {
  /** Row-major [Q, k]: the items most similar to each query, best first; of equal ones the one with the smaller index. */
  readonly indices: Int32Array;
  /** Row-major [Q, k]: their cosine similarity. */
  readonly scores: Float32Array;
  /** min(k, number of items) */
  readonly k: number;
}

/** The `k` items of highest cosine similarity for each query; queries [Q, dims] and items [M, dims], row-major. */
export function nearestNeighbors(queries: Float32Array, items: Float32Array, dims: number, k: number): Neighbors {
  const itemCount = rowCount(items, dims);
  const kept = Math.min(k, itemCount);
  const queryCount = rowCount(queries, dims);
  const indices = new Int32Array(queryCount * kept);
  const scores = new Float32Array(queryCount * kept);
  const normalItems = normalizeRows(items, dims, 'items');
  for (const row of scoreRows(normalizeRows(queries, dims, 'queries'), normalItems, dims)) {
    const best = largest(row.scores, kept);
    indices.set(
      best.map(({ index }) => index),
      row.query * kept,
    );
    scores.set(
      best.map(({ value }) => value),
      row.query * kept,
    );
  }
  return { indices, scores, k: kept };
}

/** The `k` largest values with their indices, the largest first; of equal values the one with the smaller index. */
export function largest(values: Float64Array, k: number): { readonly index: number; readonly value: number }[] {
  const best: { index: number; value: number }[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (best.length === k && !(value > least)) continue;
    best.splice(best.findLastIndex((other) => !(value > other.value)) + 1, 0, { index, value });
    if (best.length > k) best.pop();
    least = best.at(-1)?.value ?? least;
  }
  return best;
}
