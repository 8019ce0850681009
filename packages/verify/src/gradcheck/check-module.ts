/** Gradcheck of a module: the gradients of its parameters and inputs. */
import { type GradcheckReport, gradcheck } from '@tessera/autograd';
import type { Module } from '@tessera/nn';
import { isFloat, randn, type Tensor } from '@tessera/tensor';

/** A module whose gradients are checked, and its inputs. */
export interface GradcheckCase<M extends Module = Module> {
  readonly module: M;
  /** Floating-point inputs are cast to f64 and checked too; integers are passed to the module unchanged. */
  readonly inputs: readonly Tensor[];
  /** Default: `module.forward(...inputs)`. It may return several tensors. */
  readonly forward?: (module: M, ...inputs: Tensor[]) => Tensor | readonly Tensor[];
  /** Keep the parameters' values. By default, noise is added first: see `stirParameters`. */
  readonly keepParameters?: boolean;
}

/**
 * Adds noise to all parameters. Initial values make poor tests: zeros hide the gradients behind them, and after a normalization, values as
 * small as an embedding's are not smooth within the distance over which differences are taken.
 */
export function stirParameters(module: Module): void {
  for (const parameter of module.parameters())
    parameter.initialize((shape) => parameter.detach().add(randn(shape, { dtype: parameter.dtype }).mul(0.3)));
}

export interface ModuleReport extends GradcheckReport {
  /** The number of parameters and floating-point inputs that were checked. */
  readonly tensors: number;
}

type Forward = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

export function forwardOf<M extends Module>({ module, forward }: GradcheckCase<M>): Forward {
  if (forward !== undefined) return (...inputs) => forward(module, ...inputs);
  const own = (module as M & { forward?: Forward }).forward;
  if (typeof own !== 'function') throw new Error(`gradcheck: ${module.constructor.name} has no method forward`);
  return (...inputs) => own.apply(module, inputs);
}

/**
 * Compares the gradients of a module's parameters and inputs with central differences in f64. The module is cast to f64 and stays in it.
 *
 * @throws GradcheckError that names the parameter or input, with both numbers
 */
export async function checkModule<M extends Module>(
  given: GradcheckCase<M>,
  { seed = 0 }: { readonly seed?: number } = {},
): Promise<ModuleReport> {
  const { module } = given;
  module.to('f64');
  if (!given.keepParameters) stirParameters(module);
  const inputs = given.inputs.map((input, k) => {
    const value = isFloat(input.dtype) ? input.cast('f64') : input;
    value.name = `input ${k}`;
    return value;
  });
  const parameters = module.namedParameters();
  const state = [...parameters, ...module.namedBuffers()].map(([, tensor]) => tensor);
  const forward = forwardOf(given);
  const report = await gradcheck(
    (...variables) => {
      // During the call, the parameters have the values of the variables. Afterwards, assigned running statistics are restored too.
      const before = state.map((tensor) => ({ tensor, node: tensor.node }));
      for (const [k, variable] of variables.slice(inputs.length).entries()) {
        const [, parameter] = parameters[k] ?? [];
        if (parameter !== undefined) parameter.node = variable.node;
      }
      try {
        return forward(...variables.slice(0, inputs.length));
      } finally {
        for (const { tensor, node } of before) tensor.node = node;
      }
    },
    [...inputs, ...parameters.map(([, parameter]) => parameter)],
    { seed },
  );
  const tensors = parameters.length + inputs.filter(({ dtype }) => isFloat(dtype)).length;
  return { ...report, tensors };
}
