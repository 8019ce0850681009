/** A pickle reader that runs no code, and its rules for arrays of NumPy. */
export { isNumpyArray, numpyRules, readNumpyArray } from './numpy-rules.ts';
export type { PickleRules } from './opcodes.ts';
export { unpickle } from './unpickle.ts';
export { describeValue, Global, InertObject, type PickleValue, RuleValue, Tuple } from './values.ts';
