/** Batches that are mixed by mixup or CutMix before the training step. */
import { CounterRandom, drawMixup, type MixupDraw, type MixupOptions, notMixed, purpose } from '@tessera/data';
import { compile, type Tensor } from '@tessera/tensor';
import type { BatchPlace } from '../loop/loader-source.ts';
import type { BatchTensors } from '../loop/objective.ts';
import type { BatchSource } from '../loop/trainer.ts';
import { mixupTensor } from './mix.ts';

/** How the batches of a task are mixed. */
export interface BatchMixing<Tensors extends BatchTensors = BatchTensors> {
  readonly options: MixupOptions;
  /** The number of complete epochs after which batches are not mixed any more; null: all are. */
  readonly offEpoch: number | null;
  /** Mixes images and targets; recorded once for each shape of a batch. `mixup`: from `mixupTensor`. */
  mix(tensors: Tensors, mixup: Tensor): Tensors;
}

/**
 * The batches of another source, mixed. How a batch is mixed depends only on (seed, epoch, number of the batch), so a run that is resumed
 * mixes as it would have. The batch is mixed as a whole, before a step computes it in parts.
 *
 * Mixing is a compiled function with the random values as an input: all batches of one shape use one program.
 */
export class MixedSource<Tensors extends BatchTensors> implements BatchSource<Tensors> {
  readonly #source: BatchSource<Tensors>;
  readonly #mixing: BatchMixing<Tensors>;
  readonly #seed: number;
  readonly #mix;

  /** @param check whether every batch is checked: see `CompileOptions.check` */
  constructor(source: BatchSource<Tensors>, mixing: BatchMixing<Tensors>, seed: number, { check = false } = {}) {
    this.#source = source;
    this.#mixing = mixing;
    this.#seed = seed;
    this.#mix = compile((tensors: Tensors, mixup: Tensor): BatchTensors => mixing.mix(tensors, mixup), { check });
  }

  get batchesPerEpoch(): number {
    return this.#source.batchesPerEpoch;
  }

  async *epoch(epoch: number, first: number): AsyncGenerator<{ examples: number; toTensors(): Promise<Tensors> }> {
    let next = first;
    for await (const batch of this.#source.epoch(epoch, first)) {
      const number = next++;
      yield {
        examples: batch.examples,
        toTensors: async () => this.mix(await batch.toTensors(), { epoch, number }),
      };
    }
  }

  dispose(): void {
    this.#mix.dispose();
  }

  /** A batch of the other source as it is mixed. */
  async mix(tensors: Tensors, place: BatchPlace): Promise<Tensors> {
    return (await this.#mix(tensors, mixupTensor(this.#draw(tensors, place)))) as Tensors;
  }

  /** How one row of a batch is mixed, in words and numbers. `rows`: the numbers of the batch's rows in the split. */
  describeRow(tensors: Tensors, place: BatchPlace, rows: Int32Array, row: number): Record<string, unknown> {
    const { lam, box } = this.#draw(tensors, place);
    if (lam === 1) return {};
    return { mixedWith: rows[rows.length - 1 - row], shareOfOther: 1 - lam, ...(box === null ? {} : { box }) };
  }

  #draw(tensors: Tensors, { epoch, number }: BatchPlace): MixupDraw {
    const { options, offEpoch } = this.#mixing;
    if (offEpoch !== null && epoch >= offEpoch) return notMixed;
    const [, height = 0, width = 0] = tensors.images?.shape ?? [];
    return drawMixup(options, { height, width }, new CounterRandom(this.#seed, purpose.mixup, epoch, number));
  }
}
