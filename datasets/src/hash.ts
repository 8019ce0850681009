import { createHash } from 'node:crypto';

/** A number in [0, 1) that belongs to `text`, the same on every machine: decides splits and choices without a random state. */
export function unitHash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}

/** `items` in an order that belongs to `text`. */
export function hashOrder<T>(items: readonly T[], text: string): T[] {
  return items
    .map((item, i) => ({ item, key: unitHash(`${text}/${i}`) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
