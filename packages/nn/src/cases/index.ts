/** Check cases of layers, for @tessera/verify. Needs Node; the package's own index does not load it. */
import { findLayerCases } from './find.ts';
import type { LayerCase } from './layer-case.ts';

export { CaseConfig } from './config.ts';
export { findLayerCases, readCaseFile } from './find.ts';
export { constant, drawInput, type InputSpec, integers, normal, uniform } from './inputs.ts';
export { type CheckCase, functionCase, type LayerCase, layerCase, type TorchSpelling } from './layer-case.ts';

/** The cases of this package. */
export const nnCases = (): Promise<readonly LayerCase[]> => findLayerCases(new URL('..', import.meta.url));
