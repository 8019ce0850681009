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
 * Applies a part of a model to any number of examples, in batches of one size, so that one compiled program suffices; the last batch is
 * filled up. Memory does not grow with the number of examples, and a result does not depend on the other examples of its batch.
 */
export class BatchEncoder {
  readonly #batchSize: number;
  readonly #compiled: CompiledFunction<[Tensor], Tensor>;

  /** @param forward maps a batch [B, ...] to one row of numbers for each example, [B, dims] */
  constructor(model: Module, batchSize: number, forward: (batch: Tensor) => Tensor) {
    this.#batchSize = batchSize;
    this.#compiled = compile((batch: Tensor) => inEvaluationMode(model, () => forward(batch)));
  }

  /**
   * @param examples row-major [N, ...shape]
   * @returns row-major [N, dims]
   */
  async encode(examples: TypedArray, shape: readonly number[]): Promise<Float32Array> {
    const size = shape.reduce((product, n) => product * n, 1);
    const count = examples.length / size;
    const results: Float32Array[] = [];
    for (let first = 0; first < count; first += this.#batchSize) {
      const part = examples.subarray(first * size, (first + this.#batchSize) * size);
      const kept = part.length / size;
      results.push(
        await tidy(async () => {
          const output = await this.#compiled(
            tensor(fillBatch(part, size, this.#batchSize), { shape: [this.#batchSize, ...shape] }),
          );
          const values = (await output.data()) as Float32Array;
          return values.subarray(0, (values.length / this.#batchSize) * kept);
        }),
      );
    }
    return joinArrays(results);
  }

  dispose(): void {
    this.#compiled.dispose();
  }
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
