/** What the evaluation of CLIP needs to compare images and texts with each other. */
import { resolveColumns, type Split } from '@tessera/data';
import {
  comparedSplit,
  readKeys,
  retrievalBytes,
  retrievalProducts,
  secondsPerProduct,
} from '../../evaluation/retrieval/cost.ts';
import { pairColumns } from '../../evaluation/retrieval/encode-split.ts';
import { withColumnNames } from '../reading.ts';
import type { EvaluationCost, EvaluationRequest } from '../task.ts';

/** @param dims the length of the features */
export async function clipEvaluationCost(
  splits: readonly Split[],
  { limit, columns, baseline }: EvaluationRequest,
  dims: number,
): Promise<EvaluationCost> {
  const [first] = splits;
  if (first === undefined) return { bytes: 0, seconds: 0 };
  const found = resolveColumns(first.features, withColumnNames(pairColumns, columns), first.path);
  const captions = found.captions?.column as string;
  const concept = found.concept?.column ?? null;
  const training = baseline === null ? null : await readKeys(baseline.split, captions, concept, baseline.limit);
  const keys = await Promise.all(splits.map((split) => readKeys(split, captions, concept, limit)));
  const compared = keys.map((own) => comparedSplit(own, training));
  const searched = training?.texts.length ?? 0;
  const products = compared.reduce((sum, split) => sum + retrievalProducts(split, dims, searched), 0);
  return {
    bytes: Math.max(...compared.map((split) => retrievalBytes(split, dims, searched))),
    seconds: products * secondsPerProduct(),
  };
}
