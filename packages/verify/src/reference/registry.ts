import { closestName, type Module } from '@tessera/nn';
import { builtInModules } from './modules.ts';
import { defineReferenceModule, type ReferenceModule } from './reference-module.ts';

const modules = new Map(Object.entries(builtInModules));

/** Makes a module known to the reference cases under the name that `case.json` uses. A name that is known already is replaced. */
export function registerReferenceModule<M extends Module>(name: string, module: ReferenceModule<M>): void {
  modules.set(name, defineReferenceModule(module));
}

/** @throws Error, with the nearest name, where none is registered */
export function findReferenceModule(name: string): ReferenceModule {
  const found = modules.get(name);
  if (found !== undefined) return found;
  const near = closestName(name, modules.keys());
  throw new Error(
    `module '${name}' is not registered${near === undefined ? '' : ` (did you mean '${near}'?)`}: ` +
      'register it with registerReferenceModule in a file given by --module',
  );
}
