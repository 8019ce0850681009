/** The seed of a run's randomized tests; their names contain it. Set TESSERA_SEED to repeat a run. */
export const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));
