/** Applies a model to any number of examples, in batches and in evaluation mode. */
import type { Module } from '@tessera/nn';
import { type CompiledFunction, compile, type Tensor, type TypedArray, tensor, tidy } from '@tessera/tensor';

/** Puts a model into evaluation mode. Returns a function that restores the mode of every module. */
function enterEvaluation(model: Module): () => void {
  const modes = [...model.namedModules()].map(([, module]) => ({ module, training: module.training }));
  model.eval();
  return () => {
    for (const { module, training } of modes) module.training = training;
  };
}

/** Runs `body` with the model in evaluation mode, and restores the mode of every module. */
export function inEvaluationMode<T>(model: Module, body: () => T): T {
  const restore = enterEvaluation(model);
  try {
    return body();
  } finally {
    restore();
  }
}

/** As `inEvaluationMode`, for an asynchronous body. */
export async function whileInEvaluationMode<T>(model: Module, body: () => Promise<T>): Promise<T> {
  const restore = enterEvaluation(model);
  try {
    return await body();
  } finally {
    restore();
  }
}

/**
 * Applies a part of a model to any number of examples, in batches of one size or of a few, so that as many compiled programs suffice; the
 * last batch is filled up to the next size. Memory does not grow with the number of examples, and a result does not depend on the other
 * examples of its batch.
 */
export class BatchEncoder<Shared extends readonly Tensor[] = []> {
  readonly #sizes: readonly number[];
  readonly #compiled: CompiledFunction<[Tensor, ...Shared], Tensor>;

  /**
   * @param sizes of batches, in ascending order
   * @param forward maps a batch [B, ...], and tensors that all examples share, to one row of numbers for each example, [B, dims]
   */
  constructor(model: Module, sizes: number | readonly number[], forward: (batch: Tensor, ...shared: Shared) => Tensor) {
    this.#sizes = typeof sizes === 'number' ? [sizes] : sizes;
    this.#compiled = compile((batch: Tensor, ...shared: Shared) =>
      inEvaluationMode(model, () => forward(batch, ...shared)),
    );
  }

  /**
   * @param examples row-major [N, ...shape]
   * @returns row-major [N, dims]
   */
  async encode(examples: TypedArray, shape: readonly number[], ...shared: Shared): Promise<Float32Array> {
    const results = await inBatches(examples, shape, this.#sizes, async (batch, kept) => {
      const output = await this.#compiled(batch, ...shared);
      const values = (await output.data()) as Float32Array;
      return values.subarray(0, (values.length / (batch.shape[0] ?? 1)) * kept);
    });
    return joinArrays(results);
  }

  dispose(): void {
    this.#compiled.dispose();
  }
}

/**
 * Calls `use` with batches of examples, [B, ...shape], one after the other.
 *
 * @param examples row-major [N, ...shape]
 * @param sizes of batches, in ascending order: the largest one, and at the end the smallest one that all remaining examples fit into
 * @param use receives how many examples the batch has; copies of its first one fill it up
 * @returns what `use` returned for each batch, in order
 */
export async function inBatches<T>(
  examples: TypedArray,
  shape: readonly number[],
  sizes: readonly number[],
  use: (batch: Tensor, kept: number) => Promise<T>,
): Promise<T[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const count = examples.length / size;
  const results: T[] = [];
  for (let first = 0; first < count; ) {
    const batchSize = sizes.find((each) => each >= count - first) ?? sizes.at(-1) ?? 1;
    const part = examples.subarray(first * size, (first + batchSize) * size);
    const whole = fillBatch(part, size, batchSize);
    results.push(await tidy(() => use(tensor(whole, { shape: [batchSize, ...shape] }), part.length / size)));
    first += batchSize;
  }
  return results;
}

/** A full batch: missing examples are copies of the first one, so that the padding cannot produce unusual values such as NaN. */
export function fillBatch<A extends TypedArray>(part: A, size: number, batchSize: number): A {
  if (part.length === batchSize * size) return part;
  // A Buffer is a Uint8Array, but must not be made by its constructor.
  const kind = part instanceof Uint8Array ? Uint8Array : part.constructor;
  const whole = new (kind as new (length: number) => A)(batchSize * size);
  whole.set(part);
  for (let at = part.length; at < whole.length; at += size) whole.set(part.subarray(0, size), at);
  return whole;
}

/** The arrays one after the other. */
export function joinArrays(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
