/** Says why a case in f32 does not hold: rounding that nothing can be done about, a wrong operation, or a wrong layer. */
import { relativeError } from '@tessera/autograd';
import { isTensor, realize, sameShape } from '@tessera/tensor';
import type { ReferenceCase } from './case.ts';
import type { Comparison } from './compare.ts';
import { type Crossing, crossingsOf } from './kinks.ts';
import { type Explanation, toleranceOf } from './report.ts';
import { openSession, type Session } from './session.ts';
import { comparisonsOf, describePass, type Pass } from './single.ts';
import { differenceOf, exactResult, type Operation, onOracle, operationsOf, widened } from './two-precisions.ts';

const digits = (x: number): string => x.toExponential(1);

/** The error of each comparison. */
type Errors = ReadonlyMap<Comparison, number>;

/** Explains why the case, which is in f32 and of a single pass, does not hold on the default backend. */
export async function explain(reference: ReferenceCase): Promise<Explanation> {
  const tolerance = toleranceOf(reference, openSession(reference).layer);
  const failure = await failureInDouble(reference, tolerance);
  if (failure !== null) return failure;
  const holds = 'The case holds in f64, computed by the oracle.';
  const found = await operationsOf(reference);
  if (found === null)
    return {
      kind: 'operation',
      isExcuse: false,
      lines: [holds, 'The module computes something else in f64, so that the operations cannot be compared.'],
    };
  const wrong = await firstWrong(found.operations, tolerance);
  if (wrong !== null) return { kind: 'operation', isExcuse: false, lines: [holds, wrong] };
  const crossings = crossingsOf(found.differentiated, found.operations).filter(
    ({ single, double, scale }) => Math.abs(single - double) <= tolerance * scale,
  );
  const everyRight = 'Every operation is right for the inputs that it has in f32.';
  if (crossings.length > 0)
    return { kind: 'kink', isExcuse: true, lines: [holds, everyRight, ...describeCrossings(crossings)] };
  const conditioning = worstConditioned(found.operations);
  return { kind: 'conditioning', isExcuse: true, lines: [holds, everyRight, conditioning] };
}

const shownCrossings = 3;

function describeCrossings(crossings: readonly Crossing[]): string[] {
  const units = crossings.length === 1 ? 'One unit is' : `${crossings.length} units are`;
  return [
    `${units} on different sides of a kink, so that derivatives jump:`,
    ...crossings
      .slice(0, shownCrossings)
      .map(
        ({ scope, kind, index, single, double, scale }) =>
          `  ${where(scope)}${kind} at [${index.join(', ')}]: ${digits(double)} in f64 and ${digits(single)} in f32, ` +
          `among values up to ${digits(scale)}`,
      ),
    ...(crossings.length > shownCrossings ? [`  and ${crossings.length - shownCrossings} more`] : []),
  ];
}

const where = (scope: string): string => (scope === '' ? '' : `${scope}: `);

const nameOf = ({ node }: Operation): string =>
  node.op === 'unary' || node.op === 'binary' || node.op === 'reduce' ? node.arg.kind : node.op;

/** Leaves and views compute nothing. */
const exactOps: ReadonlySet<string> = new Set([
  'buffer',
  'input',
  'const',
  'iota',
  'random',
  'custom',
  'barrier',
  'detach',
  'materialize',
  'reshape',
  'permute',
  'expand',
  'pad',
  'shrink',
  'flip',
  'window',
  'concat',
]);

/** The first operation whose result in f32 is not that of its inputs, as a sentence; null if there is none. */
async function firstWrong(operations: readonly Operation[], tolerance: number): Promise<string | null> {
  for (const operation of operations) {
    const { node, sources, single, double } = operation;
    // Inputs and constants may differ by their rounding to f32.
    if (sources.length === 0 && node.op !== 'random' && differenceOf(single, double) > 2 ** -23)
      return `${where(node.scope)}${nameOf(operation)} has another value in f32 than in f64`;
    if (exactOps.has(node.op)) continue;
    const error = differenceOf(single, await exactResult(operation));
    if (error <= tolerance) continue;
    return (
      `${where(node.scope)}${nameOf(operation)} is the first operation that is wrong in f32: off by ${digits(error)}, ` +
      'relative to its largest value, from the exact result for its inputs'
    );
  }
  return null;
}

/** The operation that magnifies errors most, as a sentence. */
function worstConditioned(operations: readonly Operation[]): string {
  const unit = 2 ** -24;
  let worst: { operation: Operation; factor: number; input: number; output: number } | undefined;
  for (const operation of operations) {
    if (exactOps.has(operation.node.op)) continue;
    const output = differenceOf(operation.single, operation.double);
    const input = Math.max(unit, ...operation.sources.map(({ single, double }) => differenceOf(single, double)));
    const factor = output / input;
    if (worst === undefined || factor > worst.factor) worst = { operation, factor, input, output };
  }
  if (worst === undefined) return 'No operation was found that magnifies errors.';
  const { operation, factor, input, output } = worst;
  return (
    `${where(operation.node.scope)}${nameOf(operation)} is ill-conditioned: it magnifies relative errors ${Math.round(factor)} times, ` +
    `from ${digits(input)} to ${digits(output)}`
  );
}

/** The outputs of the module's layers, in the order of their calls, for which the case has an entry: they are added when the module is called. */
function watchLayers({ reference, module }: Session): Comparison[] {
  const layers: Comparison[] = [];
  for (const [name, inner] of module.namedModules()) {
    const expected = reference.tensors.get(`layer/${name}`);
    if (expected !== undefined)
      inner.registerForwardHook<unknown>((_, __, own): undefined => {
        const isFirst = layers.every((layer) => layer.name !== name);
        if (isFirst && isTensor(own) && sameShape(own.shape, expected.shape))
          layers.push({ name, own, reference: expected });
      });
  }
  return layers;
}

/** What the case in f64 says, if it does not hold either. */
async function failureInDouble(reference: ReferenceCase, tolerance: number): Promise<Explanation | null> {
  return onOracle(async () => {
    const session = openSession(widened(reference));
    const layers = watchLayers(session);
    const pass = describePass(session);
    const all = [...comparisonsOf(pass), ...layers];
    await realize(...all.map(({ own }) => own));
    const errors = new Map<Comparison, number>();
    for (const comparison of all)
      errors.set(
        comparison,
        relativeError(await comparison.own.data(), comparison.reference.data as ArrayLike<number>),
      );
    if (comparisonsOf(pass).every((comparison) => (errors.get(comparison) ?? 0) <= tolerance)) return null;
    const order = [...session.module.namedModules()].map(([name]) => name);
    return {
      kind: 'layer',
      isExcuse: false,
      lines: ['The case does not hold in f64 either.', firstDifferent(pass, layers, errors, tolerance, order)],
    };
  });
}

/** Where the first difference can be seen, as a sentence. */
function firstDifferent(
  pass: Pass,
  layers: readonly Comparison[],
  errors: Errors,
  tolerance: number,
  modules: readonly string[],
): string {
  const differs = (comparison: Comparison): boolean => (errors.get(comparison) ?? 0) > tolerance;
  const by = (comparison: Comparison): string => `by ${digits(errors.get(comparison) ?? 0)}`;
  const moduleOf = (name: string): string => name.replace(/^param\//, '').replace(/\.?[^.]*$/, '');
  const inOrder = (list: readonly Comparison[]): Comparison[] =>
    list.filter(differs).sort((a, b) => modules.indexOf(moduleOf(a.name)) - modules.indexOf(moduleOf(b.name)));

  const layer = layers.find(differs);
  if (layer !== undefined) return `Forward, ${layer.name} is the first layer whose output differs, ${by(layer)}.`;
  const [statistics] = inOrder(pass.state);
  if (statistics !== undefined)
    return `Forward, the first difference is in ${statistics.name}, ${by(statistics)}: what ${moduleOf(statistics.name)} gets, or its statistics, is wrong.`;
  const output = pass.outputs.find(differs);
  if (output !== undefined) {
    const rest =
      layers.length > 0
        ? ' All layers agree: look at what the module does with their outputs.'
        : pass.state.length > 0
          ? ' All running statistics agree: look after the last layer that has them.'
          : ' A case that was generated with --layers says in which layer.';
    return `Forward, output '${output.name}' differs ${by(output)}.${rest}`;
  }
  const gradient = inOrder(pass.gradients).at(-1);
  if (gradient === undefined) return 'Only shapes differ.';
  return `The outputs agree. Backward, from the outputs on, the first difference is in the gradient of ${gradient.name}, ${by(gradient)}.`;
}
