/** Threefry, the counter-based generator of all random numbers: the same key and counter produce the same bits on every backend and thread. */

/** The rotations of four rounds, for even and for odd groups of rounds. */
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** Constant of the key schedule. */
const parity = 0x1bd11bda;

/**
 * Threefry-2x32 with 20 rounds (J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011): two
 * statistically independent words for every key and counter of two words each. They are written to `out[0]` and `out[1]`, as signed
 * or as unsigned integers, depending on the array.
 */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Int32Array | Uint32Array,
): void {
  // The key words that are added after a group of rounds rotate: after the first group they are keys 1 and 2.
  let [first, second, third] = [key1, key0 ^ key1 ^ parity, key0];
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let group = 0; group < 5; group++) {
    for (const rotation of rotations[group % 2 === 0 ? 0 : 1]) {
      x = (x + y) | 0;
      y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    }
    x = (x + first) | 0;
    y = (y + second + group + 1) | 0;
    [first, second, third] = [second, third, first];
  }
  out[0] = x;
  out[1] = y;
}
