/** Check cases of models, for @tessera/verify. Needs Node; the package's own index does not load it. */
import { findLayerCases, type LayerCase } from '@tessera/nn/cases';

/** The cases of this package. */
export const modelCases = (): Promise<readonly LayerCase[]> => findLayerCases(new URL('..', import.meta.url));
