/** Parametrizations: a parameter of a module is replaced by a function of other parameters, as in `torch.nn.utils.parametrize`. */
import type { Tensor } from '@tessera/tensor';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** Computes a module's tensor from parameters of its own and the one that it replaces. */
export abstract class Parametrization extends Module {
  /** The parameter that is replaced. */
  readonly original: Parameter;

  constructor(original: Parameter) {
    super();
    this.original = original;
  }

  /** The tensor that the module uses: of the shape and dtype of `original`. */
  abstract forward(): Tensor;

  /**
   * For a weight W [out, in], where there is a cheaper way to x W^T + b than to compute W: see `linearOf`.
   *
   * @param rows takes the rows of a tensor that has one for each of the weight's outputs; the result is [..., rows]
   */
  linear?(input: Tensor, bias: Tensor | null, rows: (packed: Tensor) => Tensor): Tensor;
}

/** The parametrizations of a module, by the names of the parameters that they replace. */
class Parametrizations extends Module {
  [name: string]: unknown;
}

const field = 'parametrizations';

const parametrizationsOf = (module: Module): Parametrizations | undefined =>
  (module as unknown as { readonly [field]?: Parametrizations })[field];

/** The parametrization of a module's parameter, if there is one. */
export function parametrizationOf(module: Module, name: string): Parametrization | undefined {
  const found = parametrizationsOf(module)?.[name];
  return found instanceof Parametrization ? found : undefined;
}

/** The names of a module's parameters that are parametrized. */
export const parametrizedNames = (module: Module): string[] =>
  [...(parametrizationsOf(module)?.namedChildren() ?? [])].map(([name]) => name);

/**
 * Replaces the parameter `name` of `module`. Where the module reads it, `forward` of the parametrization is computed. In the state_dict
 * the parameter is called `parametrizations.NAME.original`, as in PyTorch, and next to it are the parametrization's own parameters.
 *
 * @throws TypeError where the module has no parameter of that name, or it is parametrized already
 */
export function registerParametrization(
  module: Module,
  name: string,
  create: (original: Parameter) => Parametrization,
): Parametrization {
  const original: unknown = (module as unknown as Record<string, unknown>)[name];
  if (parametrizationOf(module, name) !== undefined)
    throw new TypeError(`registerParametrization: ${module.constructor.name}.${name} is parametrized already`);
  if (!(original instanceof Parameter))
    throw new TypeError(`registerParametrization: ${module.constructor.name} has no parameter ${name}`);
  let all = parametrizationsOf(module);
  if (all === undefined) {
    all = new Parametrizations();
    Object.assign(module, { [field]: all });
  }
  const parametrization = create(original);
  all[name] = parametrization;
  // Not enumerable, so that the state has the parameter only once.
  Object.defineProperty(module, name, { get: () => parametrization.forward(), enumerable: false, configurable: true });
  return parametrization;
}

/**
 * Makes the parametrized tensor a parameter again.
 *
 * @param keep `value`: the parameter gets the value that the parametrization computes now; `original`: the value before it
 */
export function removeParametrization(module: Module, name: string, keep: 'value' | 'original' = 'value'): void {
  const parametrization = parametrizationOf(module, name);
  const all = parametrizationsOf(module);
  if (parametrization === undefined || all === undefined)
    throw new TypeError(`removeParametrization: ${module.constructor.name}.${name} is not parametrized`);
  const { original } = parametrization;
  if (keep === 'value') original.assign(parametrization.forward().detach());
  delete all[name];
  if (parametrizedNames(module).length === 0) Reflect.deleteProperty(module, field);
  Object.defineProperty(module, name, { value: original, writable: true, enumerable: true, configurable: true });
}
