import { innerProducts, normalizeRows, rowCount } from './products.ts';
import { chanceRecall, type Recall, rankOfConcept, recallOfRanks } from './ranks.ts';

/** Most scores held at a time: 64 MiB. */
const MAX_SCORES = 2 ** 23;

export interface RetrievalConcepts {
  /** What each image shows, as a number: a hit is any item of the same concept. N values. */
  readonly imageConcepts: ArrayLike<number>;
  /** What each text says. M values. */
  readonly textConcepts: ArrayLike<number>;
}

/** Both directions of zero-shot retrieval, and the same for ranking at random. */
export interface RetrievalMetrics {
  readonly imageToText: Recall;
  readonly textToImage: Recall;
  readonly chance: { readonly imageToText: Recall; readonly textToImage: Recall };
}

/**
 * Retrieval by cosine similarity in both directions. Items of the same concept are all right answers; ties count against.
 *
 * @param imageFeatures row-major [N, dims], of any length: they are normalised here
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

/** What ranking at random gives in both directions. */
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
    ranks[query] = rankOfConcept(scores, itemConcepts, queryConcepts[query], query);
  }
  return recallOfRanks(ranks, itemConcepts.length);
}

/** Each query's scores with all items, computed for some queries at a time so that memory stays bounded. */
function* scoreRows(queries: Float32Array, items: Float32Array, dims: number) {
  const queryCount = rowCount(queries, dims);
  const itemCount = rowCount(items, dims);
  const block = Math.max(1, Math.floor(MAX_SCORES / Math.max(1, itemCount)));
  for (let start = 0; start < queryCount; start += block) {
    const end = Math.min(start + block, queryCount);
    const scores = innerProducts(queries.subarray(start * dims, end * dims), items, dims);
    for (let query = start; query < end; query++) {
      yield { query, scores: scores.subarray((query - start) * itemCount, (query - start + 1) * itemCount) };
    }
  }
}

export interface Neighbours {
  /** Row-major [Q, k]: the items most like each query, best first; of equals the one of smaller index. */
  readonly indices: Int32Array;
  /** Row-major [Q, k]: their cosine similarity. */
  readonly scores: Float32Array;
  /** min(k, number of items) */
  readonly k: number;
}

/** The `k` items of highest cosine similarity for each query; queries [Q, dims] and items [M, dims], row-major. */
export function nearestNeighbours(queries: Float32Array, items: Float32Array, dims: number, k: number): Neighbours {
  const itemCount = rowCount(items, dims);
  const kept = Math.min(k, itemCount);
  const queryCount = rowCount(queries, dims);
  const indices = new Int32Array(queryCount * kept);
  const scores = new Float32Array(queryCount * kept);
  const normalItems = normalizeRows(items, dims, 'items');
  for (const row of scoreRows(normalizeRows(queries, dims, 'queries'), normalItems, dims)) {
    for (const [place, index] of largest(row.scores, kept).entries()) {
      indices[row.query * kept + place] = index;
      scores[row.query * kept + place] = row.scores[index];
    }
  }
  return { indices, scores, k: kept };
}

/** Indices of the `k` largest values, the largest first, of equals the first. */
export function largest(values: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && !(values[i] > values[best[k - 1]])) continue;
    let place = best.length;
    while (place > 0 && values[i] > values[best[place - 1]]) place--;
    best.splice(place, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
