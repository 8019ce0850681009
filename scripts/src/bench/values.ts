/** Inputs that are the same for all libraries, and the comparison of their results. */

/**
 * Pseudo-random numbers in [-.5, .5). Element i is a hash of i and a seed. The Python peer computes them with the same formula.
 */
export function values(length: number, seed: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(length);
  for (let i = 0; i < length; i++) result[i] = hash(i, seed) / 2 ** 32 - 0.5;
  return result;
}

/** Pseudo-random integers in [0, limit), with the same hash. */
export const integers = (length: number, seed: number, limit: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => hash(i, seed) % limit);

function hash(index: number, seed: number): number {
  let x = Math.imul(index + seed * 1_000_003, 0x9e3779b1) >>> 0;
  x ^= x >>> 15;
  x = Math.imul(x, 0x2c1b3c6d) >>> 0;
  return (x ^ (x >>> 12)) >>> 0;
}

/** The numbers that are compared between libraries: the root mean square and three elements of each output. */
export function checkOf(outputs: readonly ArrayLike<number>[]): number[] {
  return outputs.flatMap((output) => {
    const { length } = output;
    let squares = 0;
    for (let i = 0; i < length; i++) squares += (output[i] as number) ** 2;
    return [Math.sqrt(squares / length), ...[0, length >> 1, length - 1].map((i) => output[i] ?? Number.NaN)];
  });
}

/** The tolerance between two libraries' f32 results, relative to the largest compared number. */
const tolerance = 2e-3;

/** Why two checks differ, or null if they agree. */
export function disagreement(ours: readonly number[], theirs: readonly number[]): string | null {
  if (ours.length !== theirs.length) return `${theirs.length} numbers instead of ${ours.length}`;
  const scale = Math.max(...ours.map(Math.abs));
  const k = ours.findIndex((value, i) => !(Math.abs(value - (theirs[i] ?? Number.NaN)) <= tolerance * scale));
  return k < 0 ? null : `number ${k} of the result is ${theirs[k]}, ours is ${ours[k]}`;
}

/** Token ids as a tokenizer returns them: start, words, end (the largest id), padding with 0. */
export function captions(count: number, length: number, vocabularySize: number): Int32Array {
  const [start, end] = [vocabularySize - 2, vocabularySize - 1];
  const words = integers(count * length, 2, start);
  const ends = integers(count, 3, length - 2).map((place) => place + 2);
  return words.map((word, i) => {
    const place = i % length;
    const last = ends[Math.floor(i / length)];
    if (place === 0) return start;
    if (place === last) return end;
    return last !== undefined && place < last ? word : 0;
  });
}
