/** The process of TensorFlow.js on its WebAssembly backend, `node tfjs-wasm.ts FOLDER`, as in jax-js.ts. */
import { type PreparedWork, UnsupportedWork } from '../engine.ts';
import { checkOf, values } from '../values.ts';
import { type AttentionWork, type ConvWork, type GemmWork, outputSize, type Work } from '../work.ts';
import { findPackage } from './installed.ts';
import { serve, timeRuns } from './serve.ts';

interface TfTensor {
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
  mul(other: TfTensor | number): TfTensor;
  add(other: TfTensor | number): TfTensor;
}

/** The part of TensorFlow.js's interface that the benchmark uses. */
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getKernel(name: string, backend: string): object | undefined;
  tensor(values: Float32Array, shape: number[]): TfTensor;
  transpose(x: TfTensor, permutation: number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  softmax(x: TfTensor): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, strides: number, padding: number): TfTensor;
  grads(fn: (...inputs: TfTensor[]) => TfTensor): (inputs: TfTensor[], gradient: TfTensor) => TfTensor[];
  tidy<T>(fn: () => T): T;
  dispose(tensors: TfTensor[]): void;
}

const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'] as const;
const found = packages.map((name) => findPackage(process.argv[2] ?? '.', name));
const tf = found[0]?.load() as Tf;
const wasm = found[1]?.load() as { getThreadsCount(): number };

const input = (shape: number[], seed: number): TfTensor =>
  tf.tensor(
    values(
      shape.reduce((product, n) => product * n, 1),
      seed,
    ),
    shape,
  );

/** Prepares a function. @param order converts an output to the order of axes of the other libraries */
async function prepared(
  run: () => TfTensor[],
  inputs: TfTensor[],
  order: (output: TfTensor) => TfTensor = (output) => output,
): Promise<PreparedWork> {
  const outputs = tf.tidy(() => run().map(order));
  const check = checkOf(await Promise.all(outputs.map((output) => output.data())));
  if (!outputs.some((output) => inputs.includes(output))) tf.dispose(outputs);
  return {
    check,
    // The WebAssembly backend has finished its kernels when the call returns.
    measure: (runs) => timeRuns(runs, async () => tf.tidy(() => void run())),
    release: async () => tf.dispose(inputs),
  };
}

function prepareGemm({ batch, m, n, k, transposeA, transposeB }: GemmWork): Promise<PreparedWork> {
  const operand = (rows: number, columns: number, transposed: boolean, seed: number): TfTensor =>
    input([...(batch === 1 ? [] : [batch]), ...(transposed ? [columns, rows] : [rows, columns])], seed);
  const [a, b] = [operand(m, k, transposeA, 1), operand(k, n, transposeB, 2)];
  return prepared(() => [tf.matMul(a, b, transposeA, transposeB)], [a, b]);
}

const toChannelsLast = [0, 2, 3, 1];
const toChannelsFirst = [0, 3, 1, 2];

function prepareConv(work: ConvWork): Promise<PreparedWork> {
  const { images, channels, size, filters, window, stride, padding, pass } = work;
  const out = outputSize(work);
  const x = tf.transpose(input([images, channels, size, size], 1), toChannelsLast);
  const weight = tf.transpose(input([filters, channels, window, window], 2), [2, 3, 1, 0]);
  const gradient = tf.transpose(input([images, filters, out, out], 3), toChannelsLast);
  const kept = [x, weight, gradient];
  const convolve = (a: TfTensor, b: TfTensor): TfTensor => tf.conv2d(a, b, stride, padding);
  switch (pass) {
    case 'forward':
      return prepared(
        () => [convolve(x, weight)],
        kept,
        (y) => tf.transpose(y, toChannelsFirst),
      );
    case 'input gradient': {
      const pullBack = tf.grads((a) => convolve(a as TfTensor, weight));
      return prepared(
        () => pullBack([x], gradient),
        kept,
        (y) => tf.transpose(y, toChannelsFirst),
      );
    }
    case 'weight gradient': {
      requireKernels(['Conv2DBackpropFilter']);
      const pullBack = tf.grads((b) => convolve(x, b as TfTensor));
      return prepared(
        () => pullBack([weight], gradient),
        kept,
        (y) => tf.transpose(y, [3, 2, 0, 1]),
      );
    }
    default:
      return pass satisfies never;
  }
}

function prepareAttention({ batch, heads, length, width, causal, pass }: AttentionWork): Promise<PreparedWork> {
  const inputs = [1, 2, 3, 4].map((seed) => input([batch, heads, length, width], seed));
  const hidden = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  const mask = tf.tensor(hidden, [length, length]);
  const attend = (q: TfTensor, k: TfTensor, v: TfTensor): TfTensor => {
    const scores = tf.matMul(q, k, false, true).mul(width ** -0.5);
    return tf.matMul(tf.softmax(causal ? scores.add(mask) : scores), v);
  };
  const three = (primals: TfTensor[]): TfTensor => attend(...(primals as [TfTensor, TfTensor, TfTensor]));
  const kept = [...inputs, mask];
  if (pass === 'forward') return prepared(() => [three(inputs)], kept);
  const pullBack = tf.grads((...primals) => three(primals));
  const primals = inputs.slice(0, 3);
  return prepared(() => [three(primals), ...pullBack(primals, inputs[3] as TfTensor)], kept);
}

function requireKernels(names: readonly string[]): void {
  const missing = names.filter((name) => tf.getKernel(name, 'wasm') === undefined);
  if (missing.length > 0) throw new UnsupportedWork(`its wasm backend has no ${missing.join(' and no ')}`);
}

async function prepare(work: Work): Promise<PreparedWork> {
  switch (work.kind) {
    case 'gemm':
      return prepareGemm(work);
    case 'conv':
      return prepareConv(work);
    case 'attention':
      return prepareAttention(work);
    case 'clip-step':
      // For the gradients of embedding and pooling, and of the convolutions.
      requireKernels(['UnsortedSegmentSum', 'Conv2DBackpropFilter']);
      throw new UnsupportedWork('the benchmark has no training step for TensorFlow.js');
    default:
      return work satisfies never;
  }
}

await serve(async () => {
  await tf.setBackend('wasm');
  await tf.ready();
  return { version: found[1]?.version ?? 'unknown', threads: wasm.getThreadsCount(), prepare };
});
