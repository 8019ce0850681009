import { grad } from '@tessera/autograd';
import { realize, type Tensor } from '@tessera/tensor';
import { entriesBelow, entry, toTensor } from './case.ts';
import { worstOf } from './compare.ts';
import { type CaseReport, summarize, toleranceOf } from './report.ts';
import { callModule, type Session, stateBeside } from './session.ts';

/** One forward and backward pass: outputs, gradients, and the state that the forward pass leaves. */
export async function runSingle(session: Session): Promise<CaseReport> {
  const { reference, kind, module } = session;
  const inputs = reference.inputs.map((name) => toTensor(name, entry(reference, `input/${name}`)));
  const outputs = callModule(session, inputs, reference.outputs);

  // The loss is the sum over outputs of sum(output * cotangent).
  const loss = reference.outputs
    .map((name) => (outputs.get(name) as Tensor).mul(toTensor(name, entry(reference, `cotangent/${name}`))).sum())
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

  const state = stateBeside(session, 'after/buffer/');
  await realize(...outputs.values(), ...gradients, ...state.map(({ own }) => own));
  const tolerance = toleranceOf(reference, kind);
  const beside = (name: string) => ({
    name,
    own: outputs.get(name) as Tensor,
    reference: entry(reference, `output/${name}`),
  });
  return summarize(reference, {
    outputs: await worstOf(reference.outputs.map(beside), tolerance),
    gradients: await worstOf(
      expected.map(([name, value], k) => ({ name, own: gradients[k] as Tensor, reference: value })),
      tolerance,
    ),
    state: await worstOf(state, tolerance),
  });
}
