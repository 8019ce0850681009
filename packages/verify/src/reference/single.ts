/** Reference cases of one forward and one backward pass. */
import { grad } from '@tessera/autograd';
import { realize, type Tensor } from '@tessera/tensor';
import { entriesBelow, entry, toTensor } from './case.ts';
import { type Comparison, worstOf } from './compare.ts';
import { type CaseReport, summarize, toleranceOf } from './report.ts';
import { callForOutputs, type Session, statePairs } from './session.ts';

/** What a pass results in, next to the case's numbers. Nothing is computed yet. */
export interface Pass {
  readonly loss: Tensor;
  readonly outputs: readonly Comparison[];
  readonly gradients: readonly Comparison[];
  /** The state after the forward pass. */
  readonly state: readonly Comparison[];
}

/** Describes one forward and one backward pass. */
export function describePass(session: Session): Pass {
  const { reference, module } = session;
  // Names the modules in messages and explanations.
  module.namedParameters();
  const inputs = reference.inputs.map((name) => toTensor(name, entry(reference, `input/${name}`)));
  const outputs = callForOutputs(session, inputs);

  // The loss is the sum over outputs of sum(output * cotangent).
  const loss = outputs
    .map(({ name, output }) => output.mul(toTensor(name, entry(reference, `cotangent/${name}`))).sum())
    .reduce((total, term) => total.add(term));
  const expected = entriesBelow(reference, 'grad/');
  const variables = new Map<string, Tensor>([
    ...module.namedParameters().map(([name, parameter]): [string, Tensor] => [`param/${name}`, parameter]),
    ...inputs.map((input, k): [string, Tensor] => [`input/${reference.inputs[k]}`, input]),
  ]);
  const gradients = grad(
    loss,
    expected.map(([name]) => {
      const variable = variables.get(name);
      if (variable === undefined) throw new Error(`the case has 'grad/${name}', which the module does not have`);
      return variable;
    }),
    { allowUnused: true },
  );
  return {
    loss,
    outputs: outputs.map(({ name, output }) => ({
      name,
      own: output,
      reference: entry(reference, `output/${name}`),
    })),
    gradients: gradients.flatMap((own, k) =>
      expected.slice(k, k + 1).map(([name, value]) => ({ name, own, reference: value })),
    ),
    state: statePairs(session, 'after/buffer/'),
  };
}

/** All comparisons of a pass. */
export const comparisonsOf = ({ outputs, gradients, state }: Pass): Comparison[] => [
  ...outputs,
  ...gradients,
  ...state,
];

/** Runs one forward and backward pass and compares outputs, gradients, and the state after the forward pass. */
export async function runSingle(session: Session): Promise<CaseReport> {
  const { reference, layer } = session;
  const pass = describePass(session);
  await realize(...comparisonsOf(pass).map(({ own }) => own));
  const tolerance = toleranceOf(reference, layer);
  return summarize(reference, {
    outputs: await worstOf(pass.outputs, tolerance),
    gradients: await worstOf(pass.gradients, tolerance),
    state: await worstOf(pass.state, tolerance),
  });
}
