/** What is tested in a browser, in a page's main thread and in a worker alike. Results are plain data: the test judges them. */
import { grad } from '@tessera/autograd';
import {
  compile,
  createWasmBackend,
  getBackend,
  openBackend,
  registerBackend,
  setDefaultBackend,
  type Tensor,
  tensor,
  tidy,
  type WasmBackend,
} from '@tessera/tensor';
import { checkOpCase, opCases } from '@tessera/tensor/testing';

export interface OpsResult {
  readonly cases: number;
  readonly failures: readonly string[];
}

export interface OpsOptions {
  /** Only every so many of the cases, where each is slow. */
  readonly every?: number;
}

/** The operations' test bodies on a backend, but for those in dtypes that it lacks. */
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

/** A small network's weights after some compiled steps: products, rows, maps, sums, enough of them to wake threads. */
async function trainedWeights(backend: string): Promise<number[]> {
  await openBackend(backend);
  setDefaultBackend(backend);
  const values = (length: number, k: number): number[] => Array.from({ length }, (_, i) => Math.sin(k + i * i));
  const weight = tensor(values(192 * 192, 1), { shape: [192, 192], requiresGrad: true });
  const step = compile((x: Tensor) => {
    const loss = x.matmul(weight).mul(0.1).softmax(1).matmul(weight).square().mean();
    weight.assign(weight.sub(grad(loss, [weight])[0].mul(0.5)));
    return loss;
  });
  for (let k = 0; k < 6; k++) await step(tensor(values(384 * 192, k), { shape: [384, 192] }));
  return [...(await weight.data())];
}

export interface ThreadsResult {
  readonly isolated: boolean;
  readonly threads: number;
  readonly whyOneThread: string | null;
  /** Elements that differ in any bit between one thread and many. */
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
  /** Bytes that a scope has left behind of what its asynchronous body asked for before its first `await`. */
  readonly beforeAwait: number;
  /** The same for what came behind the first `await`: such memory waits for the garbage collector. */
  readonly behindAwait: number;
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
  return { beforeAwait: first - start, behindAwait: used() - first };
}

export const suite = { operations, trainedWeights, threads, scopes };
export type Suite = typeof suite;
