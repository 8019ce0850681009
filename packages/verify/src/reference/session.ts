import { init, type Module } from '@tessera/nn';
import { Tensor } from '@tessera/tensor';
import { entriesBelow, type ReferenceCase, toTensor } from './case.ts';
import type { Comparison } from './compare.ts';
import { CaseConfig } from './config.ts';
import type { ReferenceModule } from './reference-module.ts';
import { findReferenceModule } from './registry.ts';

/** A case with its module, built and loaded. */
export interface Session {
  readonly reference: ReferenceCase;
  readonly kind: ReferenceModule;
  readonly config: CaseConfig;
  readonly module: Module;
}

export function openSession(reference: ReferenceCase): Session {
  const kind = findReferenceModule(reference.module);
  const config = new CaseConfig(reference.config);
  const module = init.skipInit(() => kind.build(config));
  if (reference.dtype === 'f64') module.to('f64');
  loadState(module, reference);
  module.train(reference.mode === 'train');
  return { reference, kind, config, module };
}

/** Loads `param/*` and `buffer/*`. Only BatchNorm's count of batches may be missing. */
function loadState(module: Module, reference: ReferenceCase): void {
  const stored = [...entriesBelow(reference, 'param/'), ...entriesBelow(reference, 'buffer/')];
  const state = new Map(stored.map(([name, value]) => [name, toTensor(name, value)]));
  for (const [name, buffer] of module.namedBuffers())
    if (name.endsWith('num_batches_tracked') && !state.has(name)) state.set(name, buffer.detach());
  module.loadStateDict(state);
}

/** Runs the module and gives its outputs by name; `names` are those that the case expects. */
export function callModule(
  { kind, module, config }: Session,
  inputs: readonly Tensor[],
  names: readonly string[],
): ReadonlyMap<string, Tensor> {
  const result = kind.forward === undefined ? callForward(module, inputs) : kind.forward(module, inputs, config);
  config.finish();
  const outputs = result instanceof Tensor ? new Map([[names[0] as string, result]]) : new Map(Object.entries(result));
  for (const name of names)
    if (!outputs.has(name))
      throw new Error(`output '${name}' is not among what the module gives: ${[...outputs.keys()].join(', ')}`);
  return outputs;
}

function callForward(module: Module, inputs: readonly Tensor[]): Tensor {
  const { forward } = module as Module & { forward?: (...inputs: readonly Tensor[]) => Tensor };
  if (typeof forward !== 'function') throw new Error(`${module.constructor.name} has no method 'forward'`);
  return forward.call(module, ...inputs);
}

/** The module's parameters or buffers beside those that the case has below `prefix`. */
export function stateBeside({ reference, module }: Session, prefix: string): Comparison[] {
  const own = module.stateDict();
  return entriesBelow(reference, prefix).map(([name, value]) => {
    const tensor = own.get(name);
    if (tensor === undefined) throw new Error(`the case has '${prefix}${name}', which the module does not have`);
    return { name, own: tensor, reference: value };
  });
}
