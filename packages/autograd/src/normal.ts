/**
 * Independent standard normal numbers from a seed, for the directions of checks: SplitMix32 (a Weyl sequence through the finalizer of
 * MurmurHash3) and the Box-Muller transform. They are computed on the host, so that a check does not depend on what it checks.
 */
export function normalSequence(seed: number): (length: number) => Float64Array {
  let state = seed | 0;
  /** Uniform in (0, 1). */
  const uniform = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let bits = state ^ (state >>> 16);
    bits = Math.imul(bits, 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (((bits ^ (bits >>> 16)) >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return (length) => Float64Array.from({ length }, normal);
}
