/** Pseudo-random choices that depend only on a text. */
import { unitHash } from '@tessera/data/folder';

/** `items` in a pseudo-random order that depends on `text`. */
export function hashOrder<T>(items: readonly T[], text: string): T[] {
  return items
    .map((item, i) => ({ item, key: unitHash(`${text}/${i}`) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
