/** Finds rows that repeat an earlier one. */
import { HashIndex } from './hash-index.ts';
import { type ComparedPicture, colorDifference, type PictureLook } from './picture.ts';

/** What makes two rows duplicates: the same or a similar picture, the same caption, both, or the same name. */
export const duplicateKinds = ['image', 'caption', 'both', 'key'] as const;
export type DuplicateKind = (typeof duplicateKinds)[number];

/** Texts are compared without regard to capitals and white space. */
const normalized = (text: string): string => text.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();

/** What is compared of a caption, or of a list of captions; empty if there is none. */
export const comparedCaption = (value: unknown): string =>
  (Array.isArray(value) ? value : [value])
    .filter((text) => typeof text === 'string')
    .map(normalized)
    .filter((text) => text !== '')
    .join('\n');

/** What is compared of a row. */
export interface ComparedRow {
  /** Null: there is none, which is never a duplicate. */
  readonly picture: ComparedPicture | null;
  /** The caption, or the name of the row, as it is compared; null or empty: never a duplicate. */
  readonly text: string | null;
}

/** A row that was seen before, and how similar it is. */
export interface Match {
  /** The number that `add` returned. */
  readonly number: number;
  readonly reason: 'same picture' | 'similar picture' | 'same text';
  /** Different bits of the perceptual hashes, for similar pictures. */
  readonly distance: number | null;
}

/** Pictures with similar hashes are different if their colors differ more at some place, in levels of 255. */
const largestColorDifference = 40;

/** Rows, each of which is compared with those that were added before. */
export class DuplicateFinder {
  readonly #kind: DuplicateKind;
  readonly #index: HashIndex | null;
  /** By SHA-256, or text, or both. */
  readonly #equal = new Map<string, number>();
  /** What the hashes of the index belong to. */
  readonly #looks: { readonly look: PictureLook; readonly text: string | null; readonly number: number }[] = [];
  #rows = 0;

  /** @param distance the largest number of different bits of similar pictures; null: only equal files are duplicates */
  constructor(kind: DuplicateKind, distance: number | null) {
    this.#kind = kind;
    this.#index = distance === null || kind === 'caption' || kind === 'key' ? null : new HashIndex(distance);
  }

  /** The first row that this one repeats: an equal one, otherwise the most similar one; null if there is none. */
  find(row: ComparedRow): Match | null {
    const key = this.#keyOf(row);
    const equal = key === null ? undefined : this.#equal.get(key);
    if (equal !== undefined) {
      const isPicture = this.#kind === 'image' || this.#kind === 'both';
      return { number: equal, reason: isPicture ? 'same picture' : 'same text', distance: null };
    }
    const look = row.picture?.look;
    if (this.#index === null || key === null || look === undefined || look === null) return null;
    let best: Match | null = null;
    for (const { number: at, distance } of this.#index.near(look.hash)) {
      const other = this.#looks[at];
      if (other === undefined || (this.#kind === 'both' && other.text !== row.text)) continue;
      if (best !== null && (best.distance ?? 0) <= distance) continue;
      if (colorDifference(look.colors, other.look.colors) > largestColorDifference) continue;
      best = { number: other.number, reason: 'similar picture', distance };
    }
    return best;
  }

  /** Adds a row that later ones are compared with. @returns its number: 0, 1, 2 ... */
  add(row: ComparedRow): number {
    const number = this.#rows++;
    const key = this.#keyOf(row);
    if (key === null) return number;
    if (!this.#equal.has(key)) this.#equal.set(key, number);
    const look = row.picture?.look;
    if (this.#index !== null && look !== undefined && look !== null) {
      this.#index.add(look.hash);
      this.#looks.push({ look, text: this.#kind === 'both' ? row.text : null, number });
    }
    return number;
  }

  /** What equal rows have in common; null for a row that nothing is compared of. */
  #keyOf({ picture, text }: ComparedRow): string | null {
    const filled = text === null || text === '' ? null : text;
    if (this.#kind === 'caption' || this.#kind === 'key') return filled;
    if (picture === null) return null;
    if (this.#kind === 'image') return picture.sha256;
    return filled === null ? null : `${picture.sha256}${filled}`;
  }
}
