/** Gradcheck of a module on a backend without f64: comparison with the reference backend. */
import { GradcheckError, grad } from '@tessera/autograd';
import { type Backend, isFloat, manualSeed, openBackend, randn, setDefaultBackend, Tensor } from '@tessera/tensor';
import { forwardOf, type GradcheckCase, type ModuleReport, stirParameters } from './check-module.ts';

/** The largest difference that f32 may make, relative to a gradient's largest element. */
const tolerance = 1e-3;
/** A gradient smaller than this share of the largest gradient is only rounding errors: it is compared relative to the share. */
const floor = 1e-3;

interface NamedGradient {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/**
 * Compares a module's gradients in f32 on a backend with those in f64 on the reference backend, element by element: for a backend
 * without f64, where rounding errors would hide differences. `make` is called on the reference backend; then the module is moved to the
 * other one, which becomes the default.
 *
 * @throws GradcheckError that names the parameter or input, with both numbers
 */
export async function checkModuleOn(
  name: string,
  make: () => GradcheckCase,
  { seed = 0 }: { readonly seed?: number } = {},
): Promise<ModuleReport> {
  setDefaultBackend('reference');
  const given = make();
  const { module } = given;
  module.to('f64');
  if (!given.keepParameters) stirParameters(module);
  const inputs = given.inputs.map((input) => (isFloat(input.dtype) ? input.cast('f64') : input));
  const expected = await gradientsOf(given, inputs, seed, null);

  const backend = await openBackend(name);
  await module.to('f32').to(backend);
  const moved = await Promise.all(
    inputs.map((input) => (isFloat(input.dtype) ? input.cast('f32') : input).to(backend)),
  );
  setDefaultBackend(name);
  const actual = await gradientsOf(given, moved, seed, backend);
  return compare(actual, expected);
}

/** The gradients of a fixed weighted sum of all outputs. `backend`: where the weights are moved to; null: they stay. */
async function gradientsOf(
  given: GradcheckCase,
  inputs: readonly Tensor[],
  seed: number,
  backend: Backend | null,
): Promise<NamedGradient[]> {
  const { module } = given;
  const state = [...module.namedParameters(), ...module.namedBuffers()];
  const before = state.map(([, tensor]) => ({ tensor, node: tensor.node }));
  manualSeed(seed);
  const result = forwardOf(given)(...inputs);
  const outputs = (result instanceof Tensor ? [result] : result).filter(({ dtype }) => isFloat(dtype));
  // Running statistics that the call has assigned are restored.
  for (const { tensor, node } of before) if (tensor.node !== node) tensor.node = node;

  const weights = await weightsFor(outputs, seed, backend);
  const loss = weights
    .map(({ output, weight }) => output.mul(weight.cast(output.dtype)).sum())
    .reduce((sum, part) => sum.add(part));
  const variables: [string, Tensor][] = [
    ...inputs.map((input, k): [string, Tensor] => [`input ${k}`, input]).filter(([, { dtype }]) => isFloat(dtype)),
    ...module.namedParameters(),
  ];
  const gradients = grad(
    loss,
    variables.map(([, tensor]) => tensor),
  );
  return Promise.all(
    gradients.map(async (gradient, k) => ({ name: variables[k]?.[0] ?? '', values: await gradient.data() })),
  );
}

/** Normal numbers for each output, the same on every backend: they are drawn before they are moved. */
async function weightsFor(
  outputs: readonly Tensor[],
  seed: number,
  backend: Backend | null,
): Promise<{ output: Tensor; weight: Tensor }[]> {
  manualSeed(seed + 1);
  const drawn = outputs.map((output) => ({ output, weight: randn(output.shape) }));
  if (backend === null) return drawn;
  return Promise.all(drawn.map(async ({ output, weight }) => ({ output, weight: await weight.to(backend) })));
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function compare(actual: readonly NamedGradient[], expected: readonly NamedGradient[]): ModuleReport {
  const overall = Math.max(...expected.map(({ values }) => largest(values)));
  let worst = 0;
  let comparisons = 0;
  for (const [k, { name, values }] of expected.entries()) {
    const own = actual[k]?.values ?? [];
    const scale = Math.max(largest(values), floor * overall, Number.MIN_VALUE);
    for (const [i, value] of Array.from(values).entries()) {
      const found = own[i] ?? Number.NaN;
      const error = Math.abs(found - value) / scale;
      if (!(error <= tolerance))
        throw new GradcheckError(
          `gradcheck: ${name}, element ${i}: the gradient is ${found} in f32, ${value} in f64 on the reference; ` +
            `off by ${error.toExponential(1)} of the gradient's largest element, allowed are ${tolerance.toExponential(0)}`,
        );
      worst = Math.max(worst, error);
      comparisons++;
    }
  }
  return { worst, comparisons, tensors: expected.length };
}
