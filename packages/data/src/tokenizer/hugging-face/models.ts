/** The models of the `tokenizers` library that are read. */
import { type Builders, buildPart, type JsonPart } from './json-part.ts';
import { rankedBpeOf } from './ranked-bpe.ts';
import { unigramOf } from './unigram.ts';
import type { TokenModel } from './vocabulary.ts';

const builders: Builders<TokenModel> = { BPE: rankedBpeOf, Unigram: unigramOf };

/** Reads a model. Old files do not name its type: one with merges is BPE. @throws where its type is not supported */
export function modelOf(part: JsonPart): TokenModel {
  if (part.has('type')) return buildPart(part, builders);
  if (part.has('merges')) return rankedBpeOf(part);
  if (Array.isArray(part.value('vocab'))) return unigramOf(part);
  throw new Error(`${part.place}: has no type, merges or scores, so its kind is not known`);
}
