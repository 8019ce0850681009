/** Connects the data loader with the trainer. */
import type { Batch, DataLoader } from '@tessera/data';
import type { BatchTensors } from './objective.ts';
import type { BatchSource } from './trainer.ts';

/** A batch of a run: the number of its epoch, and its own within the epoch. */
export interface BatchPlace {
  readonly epoch: number;
  readonly number: number;
}

/** The batches of a data loader, which become tensors when the trainer asks for them. */
export class LoaderSource<Tensors extends BatchTensors> implements BatchSource<Tensors> {
  readonly #loader: DataLoader;
  readonly #toTensors: (batch: Batch) => Tensors;
  #inspect: ((batch: Batch, place: BatchPlace) => Promise<void>) | null;

  /** @param inspect receives the first batch */
  constructor(
    loader: DataLoader,
    toTensors: (batch: Batch) => Tensors,
    inspect: ((batch: Batch, place: BatchPlace) => Promise<void>) | null = null,
  ) {
    this.#loader = loader;
    this.#toTensors = toTensors;
    this.#inspect = inspect;
  }

  get batchesPerEpoch(): number {
    return this.#loader.length;
  }

  async *epoch(epoch: number, first: number): AsyncGenerator<{ examples: number; toTensors(): Tensors }> {
    let next = first;
    for await (const batch of this.#loader.epoch(epoch, { startBatch: first })) {
      const number = next++;
      await this.#inspect?.(batch, { epoch, number });
      this.#inspect = null;
      yield { examples: batch.size, toTensors: () => this.#toTensors(batch) };
    }
  }
}
