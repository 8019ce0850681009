/** Backends that evaluate graphs themselves. */
import type { Node, Storage } from '../graph/node.ts';
import type { Backend } from '../kernel/backend.ts';
import type { TypedArray } from '../kernel/dtype.ts';

/** A backend that evaluates graphs itself, without schedule and plan. */
export interface GraphOracle extends Backend {
  /** Computes the values of the roots, in arrays of their dtypes. `read` returns the values of a filled storage. */
  readonly interpret: (roots: readonly Node[], read: (storage: Storage) => TypedArray) => TypedArray[];
}

/** Whether the backend evaluates graphs itself. */
export const isGraphOracle = (backend: Backend): backend is GraphOracle =>
  (backend as Partial<GraphOracle>).interpret !== undefined;
