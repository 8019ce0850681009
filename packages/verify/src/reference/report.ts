/** The result of a reference case, and what counts as agreement. */
import type { LayerCase } from '@tessera/nn/cases';
import type { ReferenceCase } from './case.ts';
import type { Worst } from './compare.ts';

export interface CaseReport {
  readonly name: string;
  readonly module: string;
  readonly dtype: string;
  /** For a trajectory: the losses. */
  readonly outputs: Worst;
  /** For a trajectory: the norms of the gradients. */
  readonly gradients: Worst;
  /** Running statistics after the pass; for a trajectory, parameters and buffers after the last step. */
  readonly state: Worst;
  readonly holds: boolean;
  /** Why a case in f32 does not hold. */
  readonly explanation?: Explanation;
}

/** What the same case in f64, computed by the oracle, says about a failure in f32. */
export interface Explanation {
  /**
   * `kink`: every operation is right, but rounding moves a unit across a point where a derivative jumps. `conditioning`: every operation
   * is right, but one of them magnifies the rounding of its inputs. `operation`: one operation is wrong in f32. `layer`: the case does
   * not hold in f64 either.
   */
  readonly kind: 'kink' | 'conditioning' | 'operation' | 'layer';
  /** Whether this excuses the failure: nothing here is wrong. */
  readonly isExcuse: boolean;
  /** Sentences for people: what, where, and by how much. */
  readonly lines: readonly string[];
}

/** A case that could not be completed. */
export interface FailedCase {
  readonly name: string;
  readonly error: string;
  readonly holds: false;
}

/** A case in a dtype that the backend does not support. */
export interface OmittedCase {
  readonly name: string;
  /** Why. */
  readonly omitted: string;
  readonly holds: null;
}

/** The largest errors that count as agreement; see `relativeError`. `loss` is absolute. */
const tolerances = {
  f64: 1e-10,
  layer: 2e-5,
  wholeModel: 1e-4,
  trajectory: { loss: 2e-3, gradientNorm: 1e-2, state: 1e-2 },
} as const;

export const trajectoryTolerances = tolerances.trajectory;

export const toleranceOf = ({ dtype }: ReferenceCase, { wholeModel = false }: LayerCase): number =>
  dtype === 'f64' ? tolerances.f64 : wholeModel ? tolerances.wholeModel : tolerances.layer;

export function summarize(
  { name, module, dtype }: ReferenceCase,
  worst: Pick<CaseReport, 'outputs' | 'gradients' | 'state'>,
): CaseReport {
  return { name, module, dtype, ...worst, holds: worst.outputs.holds && worst.gradients.holds && worst.state.holds };
}
