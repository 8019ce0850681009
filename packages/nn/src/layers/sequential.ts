/** Modules in a row. */
import type { Tensor } from '@tessera/tensor';
import { shown } from '../arguments.ts';
import { Module, type UnaryModule } from '../module/module.ts';

/**
 * Modules in a row: each gets the output of the one before. Their names are 0, 1, 2, ..., or those given:
 * `new Sequential(['c_fc', new Linear(8, 32)], ['c_proj', new Linear(32, 8)])`.
 */
export class Sequential extends Module {
  readonly #entries: readonly (readonly [name: string, module: UnaryModule])[];

  constructor(...modules: readonly (UnaryModule | readonly [name: string, module: UnaryModule])[]) {
    super();
    this.#entries = modules.map((entry, index) => {
      const named = entry instanceof Module ? ([`${index}`, entry] as const) : entry;
      if (!(named?.[1] instanceof Module))
        throw new TypeError(
          `Sequential: entry ${index} must be a module, or a list of a name and a module, got ${shown(entry)}`,
        );
      return named;
    });
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
        `Sequential: no module is named '${name}'; the names are ${this.#entries.map(([own]) => own).join(', ')}`,
      );
    return found;
  }

  forward(input: Tensor): Tensor {
    return this.#entries.reduce((value, [, module]) => module.forward(value), input);
  }
}
