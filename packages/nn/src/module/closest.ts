/** Finds the name that was probably meant, for "did you mean" in error messages. */

/** Levenshtein's edit distance: the number of insertions, deletions and substitutions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  // The distances between the part of `a` read so far and every beginning of `b`, the empty one first.
  let distances = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    let left = i + 1;
    let diagonal = i;
    distances = distances.map((above, j) => {
      if (j > 0) left = Math.min(diagonal + Number(letter !== b[j - 1]), above + 1, left + 1);
      diagonal = above;
      return left;
    });
  }
  return distances.at(-1) ?? a.length;
}

/** The candidate that is most similar to `name`; undefined if all of them differ in more than a third of its letters. */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let smallest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= smallest) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < smallest) {
      smallest = distance;
      best = candidate;
    }
  }
  return best;
}
