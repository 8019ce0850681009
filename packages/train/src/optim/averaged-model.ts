/** Averages of a model's weights over the steps of its training. */
import { Buffer, type Module, type Parameter } from '@tessera/nn';
import { type Backend, isFloat, moveTensors, noGrad, realize, Tensor, where, zeros } from '@tessera/tensor';
import { realizedStorage } from '@tessera/tensor/graph';
import { requireFit } from './state-fits.ts';
import { trainedBatchNorms, updateBn } from './update-bn.ts';

export interface AveragedModelOptions {
  /** Share of the average that is kept in an update: an exponential moving average. Null, the default: the mean of all updates. */
  readonly decay?: number | null;
  /** Whether the decay grows to its value: after n updates it is at most (1 + n) / (10 + n). Default false. */
  readonly warmup?: boolean;
  /** Whether floating-point buffers are averaged too. Default false: their current values are copied. */
  readonly useBuffers?: boolean;
}

/** A tensor of the model with its average. */
interface Averaged {
  readonly name: string;
  readonly source: Parameter | Buffer;
  readonly average: Buffer;
  /** False: the average is a copy. */
  readonly isMean: boolean;
}

/**
 * Averages of the weights of a model, as `torch.optim.swa_utils.AveragedModel`: their mean (stochastic weight averaging, Izmailov et al.
 * 2018) or, with a decay, an exponential moving average (Polyak and Juditsky 1992):
 *
 *     first update: a = p        then: a = a + (p - a) / (n + 1)   or   a = a + (p - a) (1 - decay)        after n updates
 *
 * All state consists of tensors, so `updateParameters` may be a part of a compiled step, where it is fused with the optimizer's update.
 * Frozen parameters are not averaged. The averages have no module of their own: `use` puts them into the model for a while.
 */
export class AveragedModel {
  readonly model: Module;
  readonly decay: number | null;
  readonly warmup: boolean;
  readonly useBuffers: boolean;
  readonly #count = new Buffer(zeros([], { dtype: 'i32' }));
  readonly #averages: readonly Averaged[];
  readonly #scalarDtype: 'f32' | 'f64';

  /** The averages begin as the values that the model has now. @throws RangeError for a decay that is not in [0, 1] */
  constructor(model: Module, options: AveragedModelOptions = {}) {
    const { decay = null, warmup = false, useBuffers = false } = options;
    if (decay !== null && !(decay >= 0 && decay <= 1))
      throw new RangeError(`AveragedModel: decay must be in [0, 1], got ${decay}`);
    if (warmup && decay === null) throw new RangeError('AveragedModel: warmup needs a decay');
    this.model = model;
    this.decay = decay;
    this.warmup = warmup;
    this.useBuffers = useBuffers;
    const trained = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
    const copyOf = (source: Tensor): Buffer => new Buffer(source.detach());
    this.#averages = [
      ...trained.map(([name, source]) => ({ name, source, average: copyOf(source), isMean: true })),
      ...model.namedBuffers().map(([name, source]) => ({
        name,
        source,
        average: copyOf(source),
        isMean: useBuffers && isFloat(source.dtype),
      })),
    ];
    this.#scalarDtype = trained.some(([, { dtype }]) => dtype === 'f64') ? 'f64' : 'f32';
  }

  /** Takes the current values of the model into the averages. */
  updateParameters(): void {
    noGrad(() => {
      const isFirst = this.#count.eq(0);
      const share = this.#share();
      for (const { source, average, isMean } of this.#averages) {
        const value = Tensor.fromNode(source.node);
        const factor = share instanceof Tensor ? share.cast(average.dtype) : share;
        average.assign(isMean ? where(isFirst, value, average.add(value.sub(average).mul(factor))) : value);
      }
      this.#count.assign(this.#count.add(1));
    });
  }

  /** Share of the current values in the averages of this update. Stored: every kernel would compute it again. */
  #share(): Tensor | number {
    const updates = this.#count.cast(this.#scalarDtype);
    if (this.decay === null) return updates.add(1).reciprocal().contiguous();
    if (!this.warmup) return 1 - this.decay;
    // 1 - (1 + n) / (10 + n)
    return updates
      .add(10)
      .reciprocal()
      .mul(9)
      .maximum(1 - this.decay)
      .contiguous();
  }

  /** Sets the averages back to the values that the model has now, before any update. */
  restart(): void {
    this.#count.assign(zeros([], { dtype: 'i32' }));
    for (const { source, average } of this.#averages) average.assign(source.detach());
  }

  /**
   * Runs `body` while the model has the averages as its values; afterwards it has its own again. What shares the model's memory, such as
   * its `stateDict`, must be read inside. The model must not be trained meanwhile.
   */
  async use<T>(body: () => T | Promise<T>): Promise<T> {
    const own = this.#averages.map(({ source }) => source.node);
    for (const { source, average } of this.#averages) source.assign(average.detach());
    try {
      await realize(...this.#averages.map(({ source }) => source));
      return await body();
    } finally {
      for (const [k, { source }] of this.#averages.entries()) {
        const copy = realizedStorage(source.node);
        const node = own[k];
        if (node !== undefined && node !== source.node) {
          source.node = node;
          copy?.release();
        }
      }
    }
  }

  /**
   * Replaces the averages' running statistics of batch normalization by those that the averaged weights have; see `updateBn`. The next
   * update replaces them again unless `useBuffers` is set.
   */
  async updateBn(pass: () => void | Promise<void>): Promise<void> {
    await this.use(async () => {
      const statistics = new Set<Tensor | null>(
        trainedBatchNorms(this.model).flatMap((layer) => [
          layer.running_mean,
          layer.running_var,
          layer.num_batches_tracked,
        ]),
      );
      await updateBn(this.model, pass);
      const buffers = this.#averages.filter(({ source }) => statistics.has(source));
      for (const { source, average } of buffers) average.assign(source.detach());
      await realize(...buffers.map(({ average }) => average));
    });
  }

  /** Moves the averages to another backend, in place; the model must be moved too. If a tensor cannot be moved, nothing is changed. */
  async to(backend: Backend | string): Promise<this> {
    await moveTensors(
      this.namedState().map(([, buffer]) => buffer),
      backend,
    );
    return this;
  }

  /** The state tensors with PyTorch's names: `n_averaged`, and `module.NAME` for each average. Not copies: later updates change them. */
  namedState(): [name: string, buffer: Buffer][] {
    return [
      ['n_averaged', this.#count],
      ...this.#averages.map(({ name, average }): [string, Buffer] => [`module.${name}`, average]),
    ];
  }

  /** The state by name, for a checkpoint. The tensors share the averages' memory: read them before the next update. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.namedState().map(([name, buffer]) => [name, Tensor.fromNode(buffer.node)]));
  }

  /** Loads the averages of the same model. Nothing is changed unless everything fits. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const named = this.namedState();
    const own = new Map(named.map(([name, buffer]) => [name, { tensor: buffer, optional: false }] as const));
    requireFit('AveragedModel.loadStateDict', 'the averages', own, state);
    for (const [name, buffer] of named) buffer.assign((state.get(name) as Tensor).detach());
  }
}
