import type { Tensor } from '@tessera/tensor';
import { Module, type UnaryModule } from '../module.ts';

/** Gives back what it gets. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}

/** Joins the axes from `startDim` to `endDim`. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }
}

/** exp(x) / sum exp(x) along an axis. */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return input.softmax(this.dim);
  }
}

/**
 * Modules one after the other, each fed with what the one before gave. Their names are 0, 1, 2, ..., or given:
 * `new Sequential(['c_fc', new Linear(8, 32)], ['c_proj', new Linear(32, 8)])`.
 */
export class Sequential extends Module {
  readonly #entries: readonly (readonly [name: string, module: UnaryModule])[];

  constructor(...modules: readonly (UnaryModule | readonly [name: string, module: UnaryModule])[]) {
    super();
    this.#entries = modules.map((entry, index) => (entry instanceof Module ? [`${index}`, entry] : entry));
    const names = this.#entries.map(([name]) => name);
    const twice = names.find((name, k) => names.indexOf(name) !== k);
    if (twice !== undefined) throw new Error(`Sequential: two modules are named '${twice}'`);
  }

  override *members(): Iterable<[name: string, module: UnaryModule]> {
    for (const [name, module] of this.#entries) yield [name, module];
  }

  /** The module of that name. */
  get(name: string): UnaryModule {
    const found = this.#entries.find(([own]) => own === name)?.[1];
    if (found === undefined)
      throw new Error(
        `Sequential: no module is named '${name}': there are ${this.#entries.map(([own]) => own).join(', ')}`,
      );
    return found;
  }

  forward(input: Tensor): Tensor {
    return this.#entries.reduce((value, [, module]) => module.forward(value), input);
  }
}
