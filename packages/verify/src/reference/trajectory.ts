/** Reference cases of whole training runs. */
import { absoluteError, grad, relativeError } from '@tessera/autograd';
import { CLIP } from '@tessera/models';
import { compile, getBackend, isGraphOracle, realize, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, clipGradNorm, noDecay, type Schedule, warmupCosine } from '@tessera/train';
import { entry, type ReferenceCase, type TrajectorySpec, toTensor } from './case.ts';
import { type Comparison, type Worst, worstOf } from './compare.ts';
import { type CaseReport, summarize, trajectoryTolerances } from './report.ts';
import { callForOutput, type Session, statePairs } from './session.ts';

/** Runs a whole training run as a compiled step, and compares its losses, the gradients' norms, and the final parameters and buffers. */
export async function runTrajectory(session: Session, spec: TrajectorySpec): Promise<CaseReport> {
  const { reference, module } = session;
  const parameters = module.parameters();
  const optimizer = createOptimizer(session, spec);
  const schedule = parseSchedule(reference, spec);
  const batches = splitBatches(reference, spec);
  const maxNorm = spec.clip_grad_norm ?? Number.POSITIVE_INFINITY;
  const clampLogitScale = spec.logit_scale_clamp === undefined ? null : requireClampedCLIP(session, spec);

  const describe = (inputs: readonly Tensor[], lr: Tensor): { loss: Tensor; norm: Tensor } => {
    const loss = callForOutput(session, inputs, 'loss');
    const { gradients, norm } = clipGradNorm(grad(loss, parameters), maxNorm);
    optimizer.step(gradients, lr);
    clampLogitScale?.();
    return { loss, norm };
  };
  // The oracle evaluates graphs directly; a compiled step would use its kernel interpreter, which is hundreds of times slower.
  const compiled = isGraphOracle(getBackend()) ? null : compile(describe);
  const step = compiled ?? describe;
  const losses: number[] = [];
  const norms: number[] = [];
  for (const [s, batch] of cycle(batches, spec.steps).entries()) {
    const { loss, norm } = await step(batch, tensor(schedule(s)));
    losses.push(await loss.item());
    norms.push(await norm.item());
  }
  compiled?.dispose();

  const state = [...statePairs(session, 'after/param/'), ...statePairs(session, 'after/buffer/')];
  await realize(...state.map(({ own }) => own));
  const { loss, gradientNorm, state: stateTolerance } = trajectoryTolerances;
  return summarize(reference, {
    outputs: await worstOfSeries(reference, 'loss', losses, loss, absoluteError),
    gradients: await worstOfSeries(reference, 'grad_norm', norms, gradientNorm, relativeError),
    state: await worstOf(state, stateTolerance),
  });
}

function worstOfSeries(
  reference: ReferenceCase,
  name: string,
  values: readonly number[],
  tolerance: number,
  measure: typeof relativeError,
): Promise<Worst> {
  const comparison: Comparison = { name, own: tensor(values), reference: entry(reference, `output/${name}`) };
  return worstOf([comparison], tolerance, measure);
}

const exclusions = 'parameters with fewer than 2 dimensions, and names containing bn, ln, bias or logit_scale';

function createOptimizer({ module }: Session, { optimizer }: TrajectorySpec): AdamW {
  const { name, lr, betas, eps, weight_decay: weightDecay, no_decay: excluded } = optimizer;
  if (name !== 'AdamW') throw new Error(`trajectory: optimizer '${name}' is not supported; use AdamW`);
  if (excluded !== undefined && excluded !== exclusions)
    throw new Error(`trajectory: unknown no_decay; leave it out or use '${exclusions}'`);
  const groups = excluded === undefined ? [] : [noDecay];
  return new AdamW(module.namedParameters(), { lr, betas, eps, weightDecay, groups });
}

function parseSchedule({ directory }: ReferenceCase, { schedule, steps, optimizer: { lr } }: TrajectorySpec): Schedule {
  const warmupSteps = /^linear warm-up over (\d+) steps: .*, then half-cosine to 0 over the rest\b/.exec(schedule)?.[1];
  if (warmupSteps === undefined)
    throw new Error(
      `${directory}: unknown schedule '${schedule}'; ` +
        "expected 'linear warm-up over W steps: ..., then half-cosine to 0 over the rest'",
    );
  return warmupCosine({ lr, warmupSteps: Number(warmupSteps), totalSteps: steps });
}

/** The first `length` elements of the list repeated endlessly. */
const cycle = <T>(list: readonly T[], length: number): readonly T[] =>
  Array.from({ length: Math.ceil(length / list.length) }, () => list)
    .flat()
    .slice(0, length);

/** The batches: each input has one in every row of its first axis. */
function splitBatches(reference: ReferenceCase, { batch }: TrajectorySpec): Tensor[][] {
  const count = Number(/^step s uses input row s % (\d+)$/.exec(batch)?.[1]);
  if (!(count > 0))
    throw new Error(`${reference.directory}: unknown batch '${batch}'; expected 'step s uses input row s % N'`);
  const inputs = reference.inputs.map((name) => {
    const value = entry(reference, `input/${name}`);
    if (value.shape[0] !== count) throw new Error(`${reference.directory}: input/${name} must have ${count} rows`);
    return toTensor(name, value);
  });
  return Array.from({ length: count }, (_, row) => inputs.map((input) => input.select(0, row).contiguous()));
}

function requireClampedCLIP({ module }: Session, { logit_scale_clamp: range }: TrajectorySpec): () => void {
  if (!(module instanceof CLIP)) throw new Error('trajectory: logit_scale_clamp is for CLIP');
  if (range?.[0] !== 0 || range[1] !== 'ln 100')
    throw new Error(`trajectory: logit_scale_clamp must be [0, "ln 100"], got ${JSON.stringify(range)}`);
  return () => module.clampLogitScale();
}
