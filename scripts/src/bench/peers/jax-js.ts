/** The process of jax-js on its WebAssembly backend, `node jax-js.ts FOLDER`, with FOLDER/node_modules/@jax-js/jax. */
import { readFileSync } from 'node:fs';
import { parseSafetensors, type SafetensorsTensor } from '@tessera/tensor/safetensors';
import type { PreparedWork } from '../engine.ts';
import { checkOf, values } from '../values.ts';
import { type AttentionWork, type ClipStepWork, type ConvWork, type GemmWork, outputSize, type Work } from '../work.ts';
import { findPackage } from './installed.ts';
import { clipStep, type Parameters, type State } from './jax-clip.ts';
import type { Jax, JaxArray } from './jax-types.ts';
import { serve, timeRuns } from './serve.ts';

const installed = findPackage(process.argv[2] ?? '.', '@jax-js/jax');
const jax = installed?.load() as Jax;
const { numpy: np } = jax;

const input = (shape: number[], seed: number): JaxArray =>
  np
    .array(
      values(
        shape.reduce((product, n) => product * n, 1),
        seed,
      ),
    )
    .reshape(shape);

/** Prepares a compiled function. `inputs` stay alive between runs. */
async function prepared<Inputs extends JaxArray[]>(
  fn: (...inputs: Inputs) => JaxArray[],
  ...inputs: Inputs
): Promise<PreparedWork> {
  const compiled = jax.jit(fn);
  const run = async (): Promise<JaxArray[]> => {
    const outputs = compiled(...(inputs.map((x) => x.ref) as Inputs));
    await jax.blockUntilReady(outputs);
    return outputs;
  };
  const outputs = await Promise.all((await run()).map((output) => output.data()));
  return {
    check: checkOf(outputs),
    measure: (runs) => timeRuns(runs, async () => jax.tree.dispose(await run())),
    release: async () => {
      compiled.dispose();
      jax.tree.dispose(inputs);
    },
  };
}

function prepareGemm({ batch, m, n, k, transposeA, transposeB }: GemmWork): Promise<PreparedWork> {
  const outer = batch === 1 ? [] : [batch];
  const operand = (rows: number, columns: number, transposed: boolean, seed: number): JaxArray =>
    input([...outer, ...(transposed ? [columns, rows] : [rows, columns])], seed);
  const matrix = (x: JaxArray, transposed: boolean): JaxArray =>
    transposed ? x.transpose(batch === 1 ? [1, 0] : [0, 2, 1]) : x;
  return prepared(
    (a, b) => [np.matmul(matrix(a, transposeA), matrix(b, transposeB))],
    operand(m, k, transposeA, 1),
    operand(k, n, transposeB, 2),
  );
}

function prepareConv(work: ConvWork): Promise<PreparedWork> {
  const { images, channels, size, filters, window, stride, padding } = work;
  const x = input([images, channels, size, size], 1);
  const weight = input([filters, channels, window, window], 2);
  const convolve = (a: JaxArray, b: JaxArray): JaxArray =>
    jax.lax.convGeneralDilated(
      a,
      b,
      [stride, stride],
      [
        [padding, padding],
        [padding, padding],
      ],
    );
  if (work.pass === 'forward') return prepared((a, b) => [convolve(a, b)], x, weight);
  const gradient = input([images, filters, outputSize(work), outputSize(work)], 3);
  const forInput = work.pass === 'input gradient';
  const pullBack = (a: JaxArray, b: JaxArray, g: JaxArray): JaxArray[] => {
    const [moving, fixed] = forInput ? [a, b] : [b, a];
    const [output, pullback] = jax.vjp(
      (value) => (forInput ? convolve(value, fixed.ref) : convolve(fixed.ref, value)),
      [moving],
    );
    output.dispose();
    const result = pullback(g);
    fixed.dispose();
    return result;
  };
  return prepared(pullBack, x, weight, gradient);
}

/** The permutation from [N, H, L, D] to jax-js's [N, L, H, D], and back. */
const headsInside = [0, 2, 1, 3];

function prepareAttention({ batch, heads, length, width, causal, pass }: AttentionWork): Promise<PreparedWork> {
  const operand = (seed: number): JaxArray => input([batch, heads, length, width], seed);
  const [query, key, value, gradient] = [operand(1), operand(2), operand(3), operand(4)];
  const attend = (q: JaxArray, k: JaxArray, v: JaxArray): JaxArray =>
    jax.nn
      .dotProductAttention(q.transpose(headsInside), k.transpose(headsInside), v.transpose(headsInside), {
        isCausal: causal,
      })
      .transpose(headsInside);
  if (pass === 'forward') return prepared((q, k, v) => [attend(q, k, v)], query, key, value);
  return prepared(
    (q, k, v, g) => {
      const [output, pullback] = jax.vjp(attend, [q, k, v]);
      return [output, ...pullback(g)];
    },
    query,
    key,
    value,
    gradient,
  );
}

const checkedSteps = 3;

async function prepareClipStep(work: ClipStepWork): Promise<PreparedWork> {
  const read = (file: string) => parseSafetensors(readFileSync(file)).tensors;
  const array = (data: unknown, shape: readonly number[]): JaxArray =>
    np.array(data as Float32Array).reshape([...shape]);
  const parameters: Parameters = {};
  for (const [name, { data, shape }] of read(work.modelFile)) parameters[name] = array(data, shape);
  const zeros = (): Parameters =>
    Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, np.zeros(shape)]));
  let state: State = { parameters, means: zeros(), squares: zeros() };
  const batch = read(work.batchFile);
  const stored = (name: string): JaxArray => {
    const { data, shape } = batch.get(name) as SafetensorsTensor;
    return array(data, shape);
  };
  const [images, tokens] = [stored('images'), stored('tokens')];
  const lastPlaces = np.array(endsOf(batch.get('tokens')?.data as Int32Array, work.config.text.contextLength));
  const step = clipStep(jax, work);
  let steps = 0;
  const run = async (): Promise<JaxArray> => {
    steps++;
    const corrections = np.array(Float32Array.from(work.optimizer.betas, (beta) => 1 - beta ** steps));
    const next = step(state, images.ref, tokens.ref, lastPlaces.ref, corrections);
    state = next.state as State;
    await jax.blockUntilReady([state, next.loss] as JaxArray[]);
    return next.loss;
  };
  const losses: number[] = [];
  while (losses.length < checkedSteps) losses.push(...Array.from(await (await run()).data()));
  return {
    check: losses,
    measure: (runs) => timeRuns(runs, async () => (await run()).dispose()),
    release: async () => {
      step.dispose();
      jax.tree.dispose([state, images, tokens, lastPlaces]);
    },
  };
}

/** The position of the largest token in each caption, which is its end. */
function endsOf(tokens: Int32Array, length: number): Int32Array {
  return Int32Array.from({ length: tokens.length / length }, (_, row) => {
    const caption = tokens.subarray(row * length, (row + 1) * length);
    return caption.indexOf(Math.max(...caption));
  });
}

function prepare(work: Work): Promise<PreparedWork> {
  switch (work.kind) {
    case 'gemm':
      return prepareGemm(work);
    case 'conv':
      return prepareConv(work);
    case 'attention':
      return prepareAttention(work);
    case 'clip-step':
      return prepareClipStep(work);
    default:
      return work satisfies never;
  }
}

await serve(async () => {
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  // jax-js starts threads if web workers are available; Node has none.
  const threads = typeof Worker === 'undefined' ? 1 : navigator.hardwareConcurrency;
  return { version: installed?.version ?? 'unknown', threads, prepare };
});
