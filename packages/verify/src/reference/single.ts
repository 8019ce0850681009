/** Reference cases of one forward and one backward pass. */
import { grad } from '@tessera/autograd';
import { realize, type Tensor } from '@tessera/tensor';
import { entriesBelow, entry, toTensor } from './case.ts';
import { worstOf } from './compare.ts';
import { type CaseReport, summarize, toleranceOf } from './report.ts';
import { callForOutputs, type Session, statePairs } from './session.ts';

/** Runs one forward and backward pass and compares outputs, gradients, and the state after the forward pass. */
export async function runSingle(session: Session): Promise<CaseReport> {
  const { reference, layer, module } = session;
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

  const results = outputs.map(({ name, output }) => ({
    name,
    own: output,
    reference: entry(reference, `output/${name}`),
  }));
  const slopes = gradients.flatMap((own, k) =>
    expected.slice(k, k + 1).map(([name, value]) => ({ name, own, reference: value })),
  );
  const state = statePairs(session, 'after/buffer/');
  await realize(...[...results, ...slopes, ...state].map(({ own }) => own));
  const tolerance = toleranceOf(reference, layer);
  return summarize(reference, {
    outputs: await worstOf(results, tolerance),
    gradients: await worstOf(slopes, tolerance),
    state: await worstOf(state, tolerance),
  });
}
