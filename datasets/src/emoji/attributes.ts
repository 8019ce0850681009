/** The tags that are frequent enough to be learned as classes. */

/** The number of training concepts that a tag needs. Of rarer ones, hardly any of the held-out concepts would be examples. */
const leastConcepts = 15;

/** A training row as far as its tags matter. */
interface TaggedRow {
  readonly concept: number;
  readonly tags: readonly string[];
}

/** The tags that at least 15 different concepts have, in alphabetical order. */
export function frequentTags(rows: Iterable<TaggedRow>): string[] {
  const concepts = new Map<string, Set<number>>();
  for (const { concept, tags } of rows)
    for (const tag of tags) concepts.set(tag, (concepts.get(tag) ?? new Set()).add(concept));
  return [...concepts].flatMap(([tag, { size }]) => (size >= leastConcepts ? [tag] : [])).sort();
}
