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
