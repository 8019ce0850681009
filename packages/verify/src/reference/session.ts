/** A reference case together with its module. */
import { init, type Module } from '@tessera/nn';
import { CaseConfig, type LayerCase } from '@tessera/nn/cases';
import { Tensor } from '@tessera/tensor';
import { findLayer } from '../layers.ts';
import { entriesBelow, type ReferenceCase, toTensor } from './case.ts';
import type { Comparison } from './compare.ts';

/** A case with its module, built and loaded. */
export interface Session {
  readonly reference: ReferenceCase;
  readonly layer: LayerCase;
  readonly config: CaseConfig;
  readonly module: Module;
}

export function openSession(reference: ReferenceCase): Session {
  const layer = findLayer(reference.module);
  const config = new CaseConfig(reference.config);
  const module = init.skipInit(() => layer.build(config));
  if (reference.dtype === 'f64') module.to('f64');
  loadState(module, reference);
  module.train(reference.mode === 'train');
  return { reference, layer, config, module };
}

/** Loads `param/*` and `buffer/*`. Only BatchNorm's count of batches may be missing. */
function loadState(module: Module, reference: ReferenceCase): void {
  const stored = [...entriesBelow(reference, 'param/'), ...entriesBelow(reference, 'buffer/')];
  const state = new Map(stored.map(([name, value]) => [name, toTensor(name, value)]));
  for (const [name, buffer] of module.namedBuffers())
    if (name.endsWith('num_batches_tracked') && !state.has(name)) state.set(name, buffer.detach());
  module.loadStateDict(state);
}

/** Runs the module and returns its outputs by name. An only output gets the first of `names`. */
function callModule(
  { layer, module, config }: Session,
  inputs: readonly Tensor[],
  names: readonly string[],
): ReadonlyMap<string, Tensor> {
  const { forward } = layer;
  const result =
    forward === undefined ? callForward(module, inputs) : callWith(forward.bind(layer), module, config, inputs);
  config.finish();
  return new Map(result instanceof Tensor ? names.slice(0, 1).map((name) => [name, result]) : Object.entries(result));
}

function outputNamed(outputs: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const output = outputs.get(name);
  if (output === undefined)
    throw new Error(`output '${name}' is missing: the module returns ${[...outputs.keys()].join(', ')}`);
  return output;
}

/** Runs the module and returns the output of that name. */
export const callForOutput = (session: Session, inputs: readonly Tensor[], name: string): Tensor =>
  outputNamed(callModule(session, inputs, [name]), name);

/** Runs the module and returns all outputs that the case has, in its order. */
export function callForOutputs(session: Session, inputs: readonly Tensor[]): { name: string; output: Tensor }[] {
  const names = session.reference.outputs;
  const outputs = callModule(session, inputs, names);
  return names.map((name) => ({ name, output: outputNamed(outputs, name) }));
}

function callForward(module: Module, inputs: readonly Tensor[]): Tensor {
  const { forward } = module as Module & { forward?: (...inputs: readonly Tensor[]) => Tensor };
  if (typeof forward !== 'function') throw new Error(`${module.constructor.name} has no method 'forward'`);
  return forward.call(module, ...inputs);
}

function callWith(
  forward: NonNullable<LayerCase['forward']>,
  module: Module,
  config: CaseConfig,
  inputs: readonly Tensor[],
): ReturnType<typeof forward> {
  // Its parameters are the module, the config, and the inputs that it needs.
  const needed = forward.length - 2;
  if (inputs.length < needed) throw new Error(`the case must have ${needed} inputs, it has ${inputs.length}`);
  return forward(module, config, ...inputs);
}

/** Pairs of the module's parameters or buffers and those that the case has below `prefix`. */
export function statePairs({ reference, module }: Session, prefix: string): Comparison[] {
  const own = module.stateDict();
  return entriesBelow(reference, prefix).map(([name, value]) => {
    const tensor = own.get(name);
    if (tensor === undefined) throw new Error(`the case has '${prefix}${name}', which the module does not have`);
    return { name, own: tensor, reference: value };
  });
}
