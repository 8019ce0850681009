/** The functions that are tested in a browser, on the main thread and in a worker. They return plain data, which the test checks. */
import { grad } from '@tessera/autograd';
import {
  compile,
  createWasmBackend,
  getBackend,
  openBackend,
  setDefaultBackend,
  type Tensor,
  tensor,
  tidy,
  type WasmBackend,
} from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';
import { checkOpCase, opCases } from '@tessera/tensor/testing';

export interface OpsResult {
  readonly cases: number;
  readonly failures: readonly string[];
}

export interface OpsOptions {
  /** Run only every n-th case, for slow backends. */
  readonly every?: number;
}

/** Runs the test cases of all operations on a backend, except those with dtypes that it does not support. */
async function operations(backend: string, { every = 1 }: OpsOptions = {}): Promise<OpsResult> {
  const opened = await openBackend(backend);
  setDefaultBackend(backend);
  const cases = opCases
    .filter(({ needs = [] }) => needs.every((dtype) => (opened.whyUnsupported?.(dtype) ?? null) === null))
    .filter((_, k) => k % every === 0);
  const failures: string[] = [];
  for (const opCase of cases) {
    const problem = await checkOpCase(opCase).catch((error: Error) => error.message);
    if (problem !== null) failures.push(`${opCase.name}: ${problem}`);
  }
  return { cases: cases.length, failures };
}

/** The weights of a small network after some compiled steps, which are large enough to use threads. */
async function trainedWeights(backend: string): Promise<number[]> {
  await openBackend(backend);
  setDefaultBackend(backend);
  const values = (length: number, k: number): number[] => Array.from({ length }, (_, i) => Math.sin(k + i * i));
  const weight = tensor(values(192 * 192, 1), { shape: [192, 192], requiresGrad: true });
  const step = compile((x: Tensor) => {
    const loss = x.matmul(weight).mul(0.1).softmax(1).matmul(weight).square().mean();
    const [gradient] = grad(loss, [weight]);
    if (gradient === undefined) throw new Error('no gradient');
    weight.assign(weight.sub(gradient.mul(0.5)));
    return loss;
  });
  for (let k = 0; k < 6; k++) await step(tensor(values(384 * 192, k), { shape: [384, 192] }));
  return [...(await weight.data())];
}

export interface ThreadsResult {
  readonly isolated: boolean;
  readonly threads: number;
  readonly whyOneThread: string | null;
  /** The number of elements that differ in any bit between one thread and several. */
  readonly different: number;
  readonly elements: number;
}

async function threads(): Promise<ThreadsResult> {
  registerBackend('one thread', () => createWasmBackend({ threads: 1 }));
  registerBackend('three threads', () => createWasmBackend({ threads: 3 }));
  const many = getBackend('three threads') as WasmBackend;
  await many.startThreads();
  const first = await trainedWeights('one thread');
  const second = await trainedWeights('three threads');
  return {
    isolated: globalThis.crossOriginIsolated,
    threads: many.threads,
    whyOneThread: many.whyOneThread,
    different: first.filter((value, i) => !Object.is(value, second[i])).length,
    elements: first.length,
  };
}

export interface ScopeResult {
  /** Bytes that remain after a scope, of operations that its asynchronous body started before its first `await`. */
  readonly beforeAwait: number;
  /** The same for operations after the first `await`, whose memory the garbage collector frees. */
  readonly afterAwait: number;
}

async function scopes(): Promise<ScopeResult> {
  const backend = setDefaultBackend('wasm');
  const used = (): number => backend.memory().used;
  const twice = compile((x: Tensor) => x.mul(2));
  await twice(tensor(new Float32Array(50_000))); // the program and its constants
  const start = used();
  await tidy(async () => {
    const x = tensor(new Float32Array(50_000));
    const results = await Promise.all([twice(x), x.add(1).realize()]);
    await results[0].data();
  });
  const first = used();
  await tidy(async () => {
    await Promise.resolve();
    await tensor(new Float32Array(50_000)).realize();
  });
  return { beforeAwait: first - start, afterAwait: used() - first };
}

export const suite = { operations, trainedWeights, threads, scopes };
export type Suite = typeof suite;
