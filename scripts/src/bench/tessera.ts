/** Tessera as an engine of the benchmark. */
import { grad, vjp } from '@tessera/autograd';
import { CLIP } from '@tessera/models';
import { contrastiveLoss, functional as F } from '@tessera/nn';
import {
  autocast,
  type Backend,
  type CompiledProgram,
  compile,
  type KernelSpan,
  type Tensor,
  tensor,
  tidy,
  type WasmExecutable,
} from '@tessera/tensor';
import { AdamW, clipGradNorm, noDecay } from '@tessera/train';
import { contractionFlops } from '@tessera/train/loop';
import { readTensors } from '@tessera/weights';
import type { Engine, PreparedWork } from './engine.ts';
import { groupKernels, type KernelGroup } from './measure/profile.ts';
import { checkOf, values } from './values.ts';
import { type AttentionWork, type ClipStepWork, type ConvWork, type GemmWork, outputSize, type Work } from './work.ts';

/** A prepared work on Tessera, with facts about its program. */
export interface PreparedTessera extends PreparedWork {
  readonly program: CompiledProgram;
  /** Floating-point operations of the program's matrix products and convolutions. */
  readonly operations: number;
  readonly kernels: number;
  readonly arenaBytes: number;
  /** The time of recording, scheduling, planning and code generation, before the first run. */
  readonly compileMs: number;
  /** Kernels that run on a slow path, each with its reason. */
  readonly slowKernels: CompiledProgram['executable']['slowKernels'];
  /** Times the kernels one by one, on one thread; null if the backend does not support it. */
  profile(): Promise<KernelGroup[] | null>;
  /** When each thread runs each kernel in one run; null if the backend does not support it. */
  trace(): Promise<KernelSpan[] | null>;
}

export interface TesseraEngine extends Engine {
  prepare(work: Work): Promise<PreparedTessera>;
}

/** A compiled function with its arguments. */
interface Step {
  run(): Promise<Tensor[]>;
  program(): Promise<CompiledProgram>;
  dispose(): void;
}

function stepOf<Inputs extends Tensor[]>(work: Work, fn: (...inputs: Inputs) => Tensor[], ...inputs: Inputs): Step {
  const precision = work.precision ?? 'f32';
  const compiled = compile((...args: Inputs) => autocast(precision, () => fn(...args)));
  return {
    run: () => compiled(...inputs),
    program: () => compiled.program(...inputs),
    dispose: () => compiled.dispose(),
  };
}

const input = (shape: readonly number[], seed: number): Tensor =>
  tensor(
    values(
      shape.reduce((product, n) => product * n, 1),
      seed,
    ),
    { shape },
  );

function gemmStep(work: GemmWork): Step {
  const { batch, m, n, k, transposeA, transposeB } = work;
  const operand = (rows: number, columns: number, transposed: boolean, seed: number): Tensor =>
    input([...(batch === 1 ? [] : [batch]), ...(transposed ? [columns, rows] : [rows, columns])], seed);
  const matrix = (x: Tensor, transposed: boolean): Tensor => (transposed ? x.transpose(-2, -1) : x);
  return stepOf(
    work,
    (a, b) => [matrix(a, transposeA).matmul(matrix(b, transposeB))],
    operand(m, k, transposeA, 1),
    operand(k, n, transposeB, 2),
  );
}

function convStep(work: ConvWork): Step {
  const { images, channels, size, filters, window, stride, padding } = work;
  const x = input([images, channels, size, size], 1);
  const weight = input([filters, channels, window, window], 2);
  const gradient = input([images, filters, outputSize(work), outputSize(work)], 3);
  const convolve = (a: Tensor, b: Tensor): Tensor => F.conv2d(a, b, null, { stride, padding }).to('f32');
  // Convolution is linear in each argument, so the derivative with respect to one depends only on the other.
  switch (work.pass) {
    case 'forward':
      return stepOf(work, (a, b) => [convolve(a, b)], x, weight);
    case 'input gradient':
      return stepOf(work, (b, g) => vjp((a) => convolve(a, b), x)[1](g), weight, gradient);
    case 'weight gradient':
      return stepOf(work, (a, g) => vjp((b) => convolve(a, b), weight)[1](g), x, gradient);
    default:
      return work.pass satisfies never;
  }
}

function attentionStep(work: AttentionWork): Step {
  const { batch, heads, length, width, causal, pass } = work;
  const operand = (seed: number): Tensor => input([batch, heads, length, width], seed);
  const [query, key, value, gradient] = [operand(1), operand(2), operand(3), operand(4)];
  const attend = (q: Tensor, k: Tensor, v: Tensor): Tensor => F.scaledDotProductAttention(q, k, v, { causal });
  if (pass === 'forward') return stepOf(work, (q, k, v) => [attend(q, k, v)], query, key, value);
  const both = (q: Tensor, k: Tensor, v: Tensor, g: Tensor): Tensor[] => {
    const [output, pullback] = vjp(attend, q, k, v);
    return [output, ...pullback(g)];
  };
  return stepOf(work, both, query, key, value, gradient);
}

const readAll = async (path: string): Promise<Map<string, Tensor>> => (await readTensors(path)).select((name) => name);

async function clipStep(work: ClipStepWork): Promise<Step> {
  const { config, optimizer: settings, modelFile, batchFile } = work;
  const model = new CLIP(config);
  model.loadStateDict(await readAll(modelFile));
  const { lr, weightDecay, betas, eps } = settings;
  const optimizer = new AdamW(model.namedParameters(), { weightDecay, betas, eps, groups: [noDecay] });
  const batch = await readAll(batchFile);
  const train = (images: Tensor, tokens: Tensor, rate: Tensor): Tensor[] => {
    const loss = contrastiveLoss(model.forward(images, tokens));
    const { gradients } = clipGradNorm(grad(loss, optimizer.parameters), settings.clipGradNorm);
    optimizer.step(gradients, rate);
    model.clampLogitScale();
    return [loss];
  };
  const [images, tokens] = [batch.get('images'), batch.get('tokens')];
  if (images === undefined || tokens === undefined) throw new Error(`${batchFile}: expected images and tokens`);
  return stepOf(work, train, images, tokens, tensor(lr));
}

async function stepFor(work: Work): Promise<Step> {
  switch (work.kind) {
    case 'gemm':
      return gemmStep(work);
    case 'conv':
      return convStep(work);
    case 'attention':
      return attentionStep(work);
    case 'clip-step':
      return clipStep(work);
    default:
      return work satisfies never;
  }
}

/** The number of training steps whose losses are compared. */
const checkedSteps = 3;

async function checkStep(work: Work, step: Step): Promise<number[]> {
  if (work.kind !== 'clip-step') return checkOf(await Promise.all((await step.run()).map((output) => output.data())));
  const losses: number[] = [];
  while (losses.length < checkedSteps) for (const loss of await step.run()) losses.push(await loss.item());
  return losses;
}

const profilePasses = 3;

/** The time of each group of kernels. Only the WebAssembly backend supports it. */
function profileOf({ plan, executable, allocations }: CompiledProgram): KernelGroup[] | null {
  if (!('profile' in executable)) return null;
  const passes = Array.from({ length: profilePasses }, () => (executable as WasmExecutable).profile(allocations));
  return groupKernels(plan.stages.flat(), passes);
}

/** Tessera on a backend. */
export function tesseraEngine(backend: Backend, version: string): TesseraEngine {
  return {
    library: 'Tessera',
    version,
    threads: 'threads' in backend ? Number(backend.threads) : 1,
    variant: backend.name,
    async prepare(work) {
      const step = await stepFor(work);
      const start = performance.now();
      const program = await step.program();
      const compileMs = performance.now() - start;
      return {
        program,
        operations: contractionFlops(program),
        kernels: program.plan.stages.reduce((count, stage) => count + stage.length, 0),
        arenaBytes: program.plan.arenaBytes,
        compileMs,
        check: await tidy(() => checkStep(work, step)),
        measure: (runs) =>
          tidy(async () => {
            const times: number[] = [];
            for (let run = 0; run < runs; run++) {
              const begin = performance.now();
              await step.run();
              times.push(performance.now() - begin);
            }
            return times;
          }),
        slowKernels: program.executable.slowKernels,
        profile: () =>
          tidy(async () => {
            const outputs = await step.run(); // the program writes to their memory
            const profile = profileOf(program);
            await Promise.all(outputs.map((output) => output.data()));
            return profile;
          }),
        trace: () =>
          tidy(async () => {
            const outputs = await step.run();
            const { executable, allocations } = program;
            const spans = 'trace' in executable ? await (executable as WasmExecutable).trace(allocations) : null;
            await Promise.all(outputs.map((output) => output.data()));
            return spans;
          }),
        release: async () => step.dispose(),
      };
    },
  };
}
