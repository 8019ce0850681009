/** Random permutations of any length that are evaluated at single places, without an array of that length. */
import { threefry2x32 } from '@tessera/tensor/threefry';
import { type CounterRandom, shuffled } from '../random.ts';

/** A permutation of 0 ... n - 1. */
export type Bijection = (place: number) => number;

/** Permutations of up to this length are tables: every permutation is then equally likely, and 256 KiB hold one. */
export const isTable = (n: number): boolean => n <= 2 ** 16;

/** Each half of a number is changed four times. */
const rounds = 8;

/**
 * A permutation of 0 ... n - 1 that depends only on n and the stream of random numbers.
 *
 * @param n from 1 to 2^53
 */
export function bijection(n: number, random: CounterRandom): Bijection {
  if (!isTable(n)) return feistel(n, random);
  const table = shuffled(n, random);
  return (place) => table[place] as number;
}

/**
 * A permutation as a Feistel network on two digits, so that it needs no memory (J. Black and P. Rogaway: Ciphers with arbitrary finite
 * domains; CT-RSA 2002, section 5). A number is a pair (left, right) with left < a and right < b, where a b is hardly more than n; each
 * round adds a random function of one to the other. A result of n or more goes through the network again ("cycle walking").
 *
 * @param n from 1 to 2^53
 */
export function feistel(n: number, random: CounterRandom): Bijection {
  const a = Math.ceil(Math.sqrt(n));
  const b = Math.ceil(n / a);
  const [key0, key1] = [random.bits(), random.bits()];
  const words = new Uint32Array(2);
  /** A random function of a digit, uniform among 0 ... size - 1. */
  const drawn = (round: number, digit: number, size: number): number => {
    threefry2x32(key0, key1, digit, round, words);
    return Math.floor((((words[0] as number) * 2 ** 21 + ((words[1] as number) >>> 11)) / 2 ** 53) * size);
  };
  return (place) => {
    let at = place;
    do {
      let left = at % a;
      let right = Math.floor(at / a);
      for (let round = 0; round < rounds; round += 2) {
        left = (left + drawn(round, right, a)) % a;
        right = (right + drawn(round + 1, left, b)) % b;
      }
      at = right * a + left;
    } while (at >= n);
    return at;
  };
}
