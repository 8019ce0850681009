/** Tags that are frequent enough to be learned as classes. */

/** The number of training concepts that a tag needs. Rarer tags would have hardly any held-out concepts. */
const leastConcepts = 15;

/** The tags of a training row. */
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
