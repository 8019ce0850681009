/** The seed of a run's randomised tests; their names print it. Set TESSERA_SEED to repeat a run. */
export const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));
