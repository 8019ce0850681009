/** Connects the data loader with the trainer. */
import type { Batch, DataLoader } from '@tessera/data';
import type { BatchTensors } from './objective.ts';
import type { BatchSource } from './trainer.ts';

/** The batches of a data loader, which become tensors when the trainer asks for them. */
export class LoaderSource<Tensors extends BatchTensors> implements BatchSource<Tensors> {
  readonly #loader: DataLoader;
  readonly #toTensors: (batch: Batch) => Tensors;
  #inspect: ((batch: Batch) => Promise<void>) | null;

  /** @param inspect receives the first batch */
  constructor(
    loader: DataLoader,
    toTensors: (batch: Batch) => Tensors,
    inspect: ((batch: Batch) => Promise<void>) | null = null,
  ) {
    this.#loader = loader;
    this.#toTensors = toTensors;
    this.#inspect = inspect;
  }

  get batchesPerEpoch(): number {
    return this.#loader.length;
  }

  async *epoch(epoch: number, first: number): AsyncGenerator<{ examples: number; toTensors(): Tensors }> {
    for await (const batch of this.#loader.epoch(epoch, { startBatch: first })) {
      await this.#inspect?.(batch);
      this.#inspect = null;
      yield { examples: batch.size, toTensors: () => this.#toTensors(batch) };
    }
  }
}
