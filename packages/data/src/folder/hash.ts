/** Pseudo-random choices that depend only on a text. */
import { createHash } from 'node:crypto';

/** A number in [0, 1) computed from `text`, the same on every machine. It decides splits and choices without a random state. */
export function unitHash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
