/** The layers and models that can be checked: those of Tessera, which their case files declare, and those that a program adds. */
import { modelCases } from '@tessera/models/cases';
import { closestName } from '@tessera/nn';
import { type LayerCase, nnCases } from '@tessera/nn/cases';

/** The entries of all case files of @tessera/nn and @tessera/models. */
export const layerCases: readonly LayerCase[] = [...(await nnCases()), ...(await modelCases())];

const known = new Map<string, LayerCase>();
for (const entry of layerCases) {
  if (known.has(entry.name)) throw new Error(`two layers register as '${entry.name}'`);
  known.set(entry.name, entry);
}

/** Makes layers known to the reference cases under their names. A name that is known already is replaced. */
export function registerLayers(entries: readonly LayerCase[]): void {
  for (const entry of entries) known.set(entry.name, entry);
}

/** @throws Error with the nearest name if the layer is not known */
export function findLayer(name: string): LayerCase {
  const found = known.get(name);
  if (found !== undefined) return found;
  const near = closestName(name, known.keys());
  throw new Error(
    `module '${name}' is not registered${near === undefined ? '' : ` (did you mean '${near}'?)`}: ` +
      'declare it in a file NAME.case.ts and pass that with --module',
  );
}
