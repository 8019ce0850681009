/** Finds the first tensor of a training step that is not finite. */
import type { Module } from '@tessera/nn';
import { compile, formatShape, isFloat, stack, Tensor } from '@tessera/tensor';
import type { Optimizer } from '../optim/optimizer.ts';
import { allFinite, withoutUpdates } from './guard.ts';
import { type BatchTensors, enterTraining, type Objective } from './objective.ts';
import { inPrecision, type MixedPrecision, scaledGradients } from './precision.ts';
import { stateOf } from './step.ts';
import { zip } from './zip.ts';

/** A training step had a loss or gradient that is infinite or NaN. It did not update anything. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
  /** The number of the failed step, from 1. */
  readonly step: number;
  /** The tensor that was not finite, such as "activation visual.layer1.0.conv2 [128, 16, 16, 16]"; null where only a sum overflowed. */
  readonly source: string | null;

  constructor(step: number, source: string | null, message: string) {
    super(message);
    this.step = step;
    this.source = source;
  }
}

/** Calls `record` with every tensor that a module's `forward` returns while `body` runs, in the order of execution. */
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
    // Without an own property, the method of the class is used again.
    for (const module of watched) delete module.forward;
  }
}

/**
 * Names the first tensor that is not finite in a step from the current state. The order is: parameters, buffers and optimizer state, then
 * the outputs of modules in the order of the forward pass, then the loss, then the gradients in the order of the backward pass. Null where
 * all are finite. The state is not changed.
 *
 * @param options the precision and the loss scaling of the step
 */
export async function findNonFinite<Batch extends BatchTensors>(
  objective: Objective<Batch>,
  optimizer: Optimizer,
  batch: Batch,
  options: MixedPrecision = {},
): Promise<string | null> {
  const state = stateOf(objective, optimizer);
  const { parameters } = optimizer;
  let labels: string[] = [];
  const probe = compile((inputs: Batch) => {
    const found: [label: string, tensor: Tensor][] = [];
    const add = (label: string, tensor: Tensor): void => {
      if (isFloat(tensor.dtype)) found.push([`${label} ${formatShape(tensor.shape)}`, tensor]);
    };
    for (const [name, tensor] of state) add(kindOf(name, objective), Tensor.fromNode(tensor.node));
    enterTraining(objective);
    withoutUpdates(state.values(), () => {
      const { loss } = watchForward(
        objective.model,
        (path, output) => add(path === '' ? "the model's output" : `activation ${path}`, output),
        () => inPrecision(options, () => objective.loss(inputs)),
      );
      add('the loss', loss);
      const gradients = zip(parameters, scaledGradients(loss, parameters, options));
      // The backward pass reaches the last parameters first.
      for (const [k, [{ name }, gradient]] of [...gradients.entries()].reverse())
        add(`gradient of ${name ?? k}`, gradient);
    });
    labels = found.map(([label]) => label);
    return stack(found.map(([, tensor]) => allFinite(tensor)));
  });
  const flags = await (await probe(batch)).data();
  probe.dispose();
  return labels[flags.indexOf(0)] ?? null;
}

function kindOf(name: string, { model }: Pick<Objective, 'model'>): string {
  if (name.startsWith('optimizer.')) return `optimizer state ${name.slice('optimizer.'.length)}`;
  return `${model.namedBuffers().some(([buffer]) => buffer === name) ? 'buffer' : 'parameter'} ${name}`;
}
