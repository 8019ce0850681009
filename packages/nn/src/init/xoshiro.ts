/** The generator of random bits behind initial values. */

/**
 * Fills `out` with the next words of xoshiro128++ (D. Blackman, S. Vigna: Scrambled linear pseudorandom number generators, 2021), as
 * signed integers, and advances `state`: four words, not all 0.
 */
export function xoshiro128(state: Int32Array, out: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (let i = 0; i < out.length; i++) {
    const sum = (a + d) | 0;
    out[i] = ((sum << 7) | (sum >>> 25)) + a;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
  }
  state.set([a, b, c, d]);
}
