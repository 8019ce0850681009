import type { Module } from '@tessera/nn';
import { compile, formatShape, isFloat, stack, Tensor } from '@tessera/tensor';
import type { Optimizer } from '../optim/optimizer.ts';
import { allFinite } from './guard.ts';
import type { BatchTensors, Objective } from './objective.ts';
import { inPrecision, type MixedPrecision, scaledGradients } from './precision.ts';
import { stateOf } from './step.ts';

/** Training met a loss or gradient that is infinite or NaN. Nothing was updated with it. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
  /** The step, counted from 1, that could not be taken. */
  readonly step: number;
  /** What was not finite, such as "activation visual.layer1.0.conv2 [128, 16, 16, 16]"; null where only a sum overflowed. */
  readonly source: string | null;

  constructor(step: number, source: string | null, message: string) {
    super(message);
    this.step = step;
    this.source = source;
  }
}

/** Calls `record` with every tensor that a module's `forward` gives while `body` runs, in the order in which they are made. */
function watchForward<T>(model: Module, record: (path: string, output: Tensor) => void, body: () => T): T {
  type Forward = (...inputs: unknown[]) => unknown;
  const watched: { forward?: Forward }[] = [];
  for (const [path, module] of model.namedModules()) {
    const { forward } = module as Module & { forward?: Forward };
    if (typeof forward !== 'function') continue;
    const own = module as { forward?: Forward };
    own.forward = (...inputs) => {
      const output = forward.apply(module, inputs);
      if (output instanceof Tensor) record(path, output);
      return output;
    };
    watched.push(own);
  }
  try {
    return body();
  } finally {
    // The method of the class shows again.
    for (const module of watched) delete module.forward;
  }
}

/**
 * Names the first tensor that is not finite when a step is taken from the present state: of parameters, buffers and optimiser state,
 * then of what the modules give in the order of the forward pass, then the loss, then the gradients in the order of the backward
 * pass. Null where all are finite. The state is left as it is.
 *
 * @param options the precision and the loss's factor that the step is taken with
 */
export async function findNonFinite<Batch extends BatchTensors>(
  objective: Objective<Batch>,
  optimizer: Optimizer,
  batch: Batch,
  options: MixedPrecision = {},
): Promise<string | null> {
  const state = stateOf(objective, optimizer);
  const parameters = optimizer.parameters;
  let labels: string[] = [];
  const probe = compile((inputs: Batch) => {
    const found: [label: string, tensor: Tensor][] = [];
    const add = (label: string, tensor: Tensor): void => {
      if (isFloat(tensor.dtype)) found.push([`${label} ${formatShape(tensor.shape)}`, tensor]);
    };
    const before = new Map([...state].map(([name, tensor]) => [name, Tensor.fromNode(tensor.node)]));
    for (const [name, tensor] of before) add(kindOf(name, objective), tensor);
    objective.trainingMode();
    const { loss } = watchForward(
      objective.model,
      (path, output) => add(path === '' ? "the model's output" : `activation ${path}`, output),
      () => inPrecision(options, () => objective.loss(inputs)),
    );
    add('the loss', loss);
    const gradients = scaledGradients(loss, parameters, options);
    // The backward pass reaches the last parameters first.
    for (const [k, gradient] of [...gradients.entries()].reverse())
      add(`gradient of ${parameters[k].name ?? k}`, gradient);
    for (const [name, tensor] of state) {
      const old = before.get(name) as Tensor;
      if (tensor.node !== old.node) tensor.assign(old);
    }
    labels = found.map(([label]) => label);
    return stack(found.map(([, tensor]) => allFinite(tensor)));
  });
  const flags = await (await probe(batch)).data();
  probe.dispose();
  return labels[flags.indexOf(0)] ?? null;
}

function kindOf(name: string, { model }: Pick<Objective, 'model'>): string {
  if (name.startsWith('optimizer.')) return `optimiser state ${name.slice('optimizer.'.length)}`;
  return `${model.namedBuffers().some(([buffer]) => buffer === name) ? 'buffer' : 'parameter'} ${name}`;
}
