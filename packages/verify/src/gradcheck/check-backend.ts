import { GradcheckError, grad } from '@tessera/autograd';
import { type Backend, isFloat, manualSeed, openBackend, randn, setDefaultBackend, Tensor } from '@tessera/tensor';
import { forwardOf, type GradcheckCase, type ModuleReport, stirParameters } from './check-module.ts';

/** Largest difference that f32 may make, relative to a gradient's largest element. */
const tolerance = 1e-3;
/** Gradients that are nothing but rounding errors are measured by so large a share of the largest gradient of all. */
const floor = 1e-3;

interface NamedGradient {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/**
 * For a backend without f64, where differences would be lost in rounding: compares a module's gradients there, in f32, with those of
 * the reference backend in f64, element by element. `make` is called on the reference; then the module is moved to the backend,
 * which becomes the default one.
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

/** The gradients of a fixed sum of all outputs; `backend`: where the sum's factors go, null: they stay. */
async function gradientsOf(
  given: GradcheckCase,
  inputs: readonly Tensor[],
  seed: number,
  backend: Backend | null,
): Promise<NamedGradient[]> {
  const { module } = given;
  const state = [...module.namedParameters(), ...module.namedBuffers()].map(([, tensor]) => tensor);
  const before = state.map(({ node }) => node);
  manualSeed(seed);
  const result = forwardOf(given)(...inputs);
  const outputs = (result instanceof Tensor ? [result] : result).filter(({ dtype }) => isFloat(dtype));
  // What the call assigns, running statistics, is undone.
  for (const [k, tensor] of state.entries())
    if (tensor.node !== before[k]) tensor.node = before[k] as typeof tensor.node;

  const factors = await factorsFor(outputs, seed, backend);
  const loss = outputs
    .map((output, k) => output.mul((factors[k] as Tensor).cast(output.dtype)).sum())
    .reduce((sum, part) => sum.add(part));
  const variables: [string, Tensor][] = [
    ...inputs.map((input, k): [string, Tensor] => [`input ${k}`, input]).filter(([, { dtype }]) => isFloat(dtype)),
    ...module.namedParameters(),
  ];
  const gradients = grad(
    loss,
    variables.map(([, tensor]) => tensor),
  );
  return Promise.all(variables.map(async ([name], k) => ({ name, values: await (gradients[k] as Tensor).data() })));
}

/** Normal numbers, the same on every backend: drawn where f64 is. */
async function factorsFor(outputs: readonly Tensor[], seed: number, backend: Backend | null): Promise<Tensor[]> {
  manualSeed(seed + 1);
  const factors = outputs.map(({ shape }) => randn(shape));
  if (backend === null) return factors;
  return Promise.all(factors.map((factor) => factor.to(backend)));
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function compare(actual: readonly NamedGradient[], expected: readonly NamedGradient[]): ModuleReport {
  const overall = Math.max(...expected.map(({ values }) => largest(values)));
  let worst = 0;
  let comparisons = 0;
  for (const [k, { name, values }] of expected.entries()) {
    const own = (actual[k] as NamedGradient).values;
    const scale = Math.max(largest(values), floor * overall, Number.MIN_VALUE);
    for (let i = 0; i < values.length; i++) {
      const error = Math.abs((own[i] as number) - (values[i] as number)) / scale;
      if (!(error <= tolerance))
        throw new GradcheckError(
          `gradcheck: ${name}, element ${i}: the gradient is ${own[i]} in f32, ${values[i]} in f64 on the reference; ` +
            `off by ${error.toExponential(1)} of the gradient's largest element, allowed are ${tolerance.toExponential(0)}`,
        );
      worst = Math.max(worst, error);
      comparisons++;
    }
  }
  return { worst, comparisons, tensors: expected.length };
}
