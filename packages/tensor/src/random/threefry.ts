/** A round rotates by these, in turn. Four rounds lie between two additions of the key. */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Constant of the key schedule. */
const parity = 0x1bd11bda;

/**
 * Threefry-2x32 with 20 rounds (J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011): two
 * statistically independent words for every key and counter of two words each. They are written to `out`, as signed integers.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Int32Array): void {
  const keys = [key0, key1, key0 ^ key1 ^ parity] as const;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + (keys[injection % 3] as number)) | 0;
      y = (y + (keys[(injection + 1) % 3] as number) + injection) | 0;
    }
  }
  out[0] = x;
  out[1] = y;
}
