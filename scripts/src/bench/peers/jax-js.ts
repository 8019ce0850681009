/** jax-js on its WebAssembly backend, in a process of its own: `node jax-js.ts FOLDER`, with FOLDER/node_modules/@jax-js/jax. */
import { readFileSync } from 'node:fs';
import { parseSafetensors, type SafetensorsTensor } from '@tessera/tensor';
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

/** Times a compiled function; `inputs` stay alive from run to run. */
async function prepared(fn: (...inputs: JaxArray[]) => JaxArray[], ...inputs: JaxArray[]): Promise<PreparedWork> {
  const compiled = jax.jit(fn);
  const run = async (): Promise<JaxArray[]> => {
    const outputs = compiled(...inputs.map((x) => x.ref));
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
    (a, b) => [np.matmul(matrix(a as JaxArray, transposeA), matrix(b as JaxArray, transposeB))],
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
  if (work.pass === 'forward') return prepared((a, b) => [convolve(a as JaxArray, b as JaxArray)], x, weight);
  const gradient = input([images, filters, outputSize(work), outputSize(work)], 3);
  const forInput = work.pass === 'input gradient';
  const pullBack = (a: JaxArray, b: JaxArray, g: JaxArray): JaxArray[] => {
    const [moving, fixed] = forInput ? [a, b] : [b, a];
    const [output, pullback] = jax.vjp(
      (value) => (forInput ? convolve(value as JaxArray, fixed.ref) : convolve(fixed.ref, value as JaxArray)),
      [moving],
    );
    output.dispose();
    const result = pullback(g);
    fixed.dispose();
    return [result[0] as JaxArray];
  };
  return prepared((a, b, g) => pullBack(a as JaxArray, b as JaxArray, g as JaxArray), x, weight, gradient);
}

/** [N, H, L, D] to jax-js's [N, L, H, D], and back. */
const headsInside = [0, 2, 1, 3];

function prepareAttention({ batch, heads, length, width, causal, pass }: AttentionWork): Promise<PreparedWork> {
  const [query, key, value, gradient] = [1, 2, 3, 4].map((seed) => input([batch, heads, length, width], seed)) as [
    JaxArray,
    JaxArray,
    JaxArray,
    JaxArray,
  ];
  const attend = (...inputs: [JaxArray, JaxArray, JaxArray]): JaxArray => {
    const [q, k, v] = inputs.map((x) => x.transpose(headsInside)) as [JaxArray, JaxArray, JaxArray];
    return jax.nn.dotProductAttention(q, k, v, { isCausal: causal }).transpose(headsInside);
  };
  const three = (inputs: JaxArray[]): JaxArray => attend(...(inputs as [JaxArray, JaxArray, JaxArray]));
  if (pass === 'forward') return prepared((...inputs) => [three(inputs)], query, key, value);
  return prepared(
    (...inputs) => {
      const [output, pullback] = jax.vjp((...primals) => three(primals), inputs.slice(0, 3));
      return [output, ...pullback(inputs[3] as JaxArray)];
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
  while (losses.length < checkedSteps) losses.push((await (await run()).data())[0] as number);
  return {
    check: losses,
    measure: (runs) => timeRuns(runs, async () => (await run()).dispose()),
    release: async () => {
      step.dispose();
      jax.tree.dispose([state, images, tokens, lastPlaces]);
    },
  };
}

/** Where in its caption each one's largest token stands: its end. */
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
  // It starts threads where there are web workers, which Node has not.
  const threads = typeof Worker === 'undefined' ? 1 : navigator.hardwareConcurrency;
  return { version: installed?.version ?? 'unknown', threads, prepare };
});
