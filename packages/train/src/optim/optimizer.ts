/** The base of all optimizers: parameters, groups, learning rate and state. */
import { Buffer, type Parameter } from '@tessera/nn';
import { type Backend, formatShape, full, moveTensors, noGrad, Tensor, zeros } from '@tessera/tensor';
import { requireFit } from './state-fits.ts';
import { type OptionalState, StepCounter } from './step-counter.ts';

/** Options for the parameters that it matches; if several groups match, the first one applies. */
export interface ParameterGroup {
  readonly match: (name: string, parameter: Parameter) => boolean;
  readonly weightDecay?: number;
  /** Factor on the step's learning rate. */
  readonly lrScale?: number;
}

export interface OptimizerOptions {
  /** Learning rate of steps that do not pass their own: a number, or a tensor with one element, which each step reads. */
  readonly lr?: number | Tensor;
  readonly weightDecay?: number;
  /** Whether the parameters follow the gradient, to a maximum, instead of its negative. Default false. */
  readonly maximize?: boolean;
  readonly groups?: readonly ParameterGroup[];
}

/** Parameters, or parameters with their names, in the order in which `step` takes the gradients. */
export type OptimizedParameters = Iterable<Parameter | readonly [name: string, parameter: Parameter]>;

/**
 * Parameters without weight decay in CLIP and timm: those with fewer than two dimensions, those with bn, ln, bias or logit_scale in their
 * name, and tokens and positions of plain Vision Transformers.
 */
export const noDecay: ParameterGroup = {
  match: (name, parameter) =>
    parameter.ndim < 2 || /bn|ln|bias|logit_scale/.test(name) || /(^|\.)(\w+_token|\w+_embed|pool_query)$/.test(name),
  weightDecay: 0,
};

/** A parameter with its options. */
export interface Entry {
  /** Its place in the order of the gradients. */
  readonly index: number;
  readonly name: string;
  readonly parameter: Parameter;
  readonly weightDecay: number;
  readonly lrScale: number;
}

/** State tensors, one for each parameter, found by the parameter's entry. */
export type ParameterState = (entry: Entry) => Buffer;

/** A tensor of the state. */
interface StateEntry {
  readonly buffer: Buffer;
  /** Whether it is part of the saved state. A saved state may lack an optional one, which is then 0. */
  saved: boolean;
  readonly optional: boolean;
}

/**
 * Updates parameters from their gradients. All state consists of tensors, so that a step can be compiled and the state can be saved; it is
 * named after the parameters (`exp_avg.visual.conv1.weight`).
 */
export abstract class Optimizer {
  readonly lr: number | Tensor;
  readonly maximize: boolean;
  protected readonly entries: readonly Entry[];
  /** The dtype of numbers that all parameters share, such as rates: f64 where a parameter is f64. */
  protected readonly scalarDtype: 'f32' | 'f64';
  readonly #state = new Map<string, StateEntry>();

  constructor(
    parameters: OptimizedParameters,
    { lr = 1e-3, weightDecay = 0, maximize = false, groups = [], ...unknown }: OptimizerOptions,
  ) {
    refuseUnknown(this.constructor.name, unknown);
    if (lr instanceof Tensor) this.#requireOne('lr', lr);
    else requireNonNegative('lr', lr);
    requireNonNegative('weightDecay', weightDecay);
    this.lr = lr;
    this.maximize = maximize;
    this.entries = [...parameters].map((item, index): Entry => {
      const [name, parameter] = isNamed(item) ? item : [item.name ?? `${index}`, item];
      const group = groups.find(({ match }) => match(name, parameter));
      return {
        index,
        name,
        parameter,
        weightDecay: requireNonNegative('weightDecay', group?.weightDecay ?? weightDecay),
        lrScale: requireNonNegative('lrScale', group?.lrScale ?? 1),
      };
    });
    if (this.entries.length === 0) throw new Error(`${this.constructor.name}: no parameters to optimize`);
    const first = new Map<Parameter, string>();
    for (const { name, parameter } of this.entries) {
      const known = first.get(parameter);
      if (known !== undefined)
        throw new Error(
          `${this.constructor.name}: the same parameter was passed twice, as ${known} and as ${name}; each step would update it twice`,
        );
      first.set(parameter, name);
    }
    const names = new Set(this.entries.map(({ name }) => name));
    if (names.size !== this.entries.length)
      throw new Error(
        `${this.constructor.name}: two parameters have the same name; pass [name, parameter] pairs with different names`,
      );
    this.scalarDtype = this.entries.some(({ parameter }) => parameter.dtype === 'f64') ? 'f64' : 'f32';
  }

  /** The parameters, in the order of the gradients. */
  get parameters(): readonly Parameter[] {
    return this.entries.map(({ parameter }) => parameter);
  }

  /**
   * Assigns new values to all parameters and to the state.
   *
   * @param gradients one for each parameter, in the order of the constructor's parameters; null: the parameter is not changed. Default: what
   *   `backward()` has added up in each parameter's `grad`.
   * @param lr learning rate of this step. In a compiled step it must be a tensor, because a number would become a constant.
   */
  step(
    gradients: readonly (Tensor | null)[] = this.parameters.map(({ grad }) => grad),
    lr: Tensor | number = this.lr,
  ): void {
    const kind = this.constructor.name;
    if (gradients.length !== this.entries.length)
      throw new RangeError(`${kind}.step: ${gradients.length} gradients for ${this.entries.length} parameters`);
    this.entries.forEach(({ name, parameter }, index) => {
      const { shape, dtype } = gradients[index] ?? parameter;
      if (formatShape(shape) !== formatShape(parameter.shape))
        throw new RangeError(
          `${kind}.step: the gradient of ${name} has shape ${formatShape(shape)}, the parameter ${formatShape(parameter.shape)}`,
        );
      if (dtype !== parameter.dtype)
        throw new TypeError(
          `${kind}.step: the gradient of ${name} is ${dtype}, the parameter ${parameter.dtype}; cast the gradient`,
        );
    });
    if (lr instanceof Tensor) this.#requireOne('step: the learning rate', lr);
    noGrad(() => {
      const directions = this.maximize ? gradients.map((gradient) => gradient?.neg() ?? null) : gradients;
      this.update(directions, lr instanceof Tensor ? lr.reshape([]) : lr);
    });
  }

  /** Sets the `grad` of every parameter to null, so that the next `backward()` begins at 0. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null;
  }

  /**
   * The update rule. Runs without recording derivatives.
   *
   * @param gradients of what is minimized, in the order of the entries; null: the parameter is not changed
   * @param lr a number, or a scalar
   */
  protected abstract update(gradients: readonly (Tensor | null)[], lr: Tensor | number): void;

  /** The parameters that have a gradient. */
  protected *withGradients(gradients: readonly (Tensor | null)[]): Iterable<readonly [entry: Entry, gradient: Tensor]> {
    for (const entry of this.entries) {
      const gradient = gradients[entry.index];
      if (gradient !== undefined && gradient !== null) yield [entry, gradient];
    }
  }

  /** Adds a state tensor. For constructors of subclasses. */
  protected addState(name: string, initial: Tensor): Buffer {
    const buffer = new Buffer(initial);
    this.#state.set(name, { buffer, saved: true, optional: false });
    return buffer;
  }

  /** Adds a state tensor that few runs need. For constructors of subclasses. */
  protected addOptionalState(name: string, initial: Tensor): OptionalState {
    const entry: StateEntry = { buffer: new Buffer(initial), saved: false, optional: true };
    this.#state.set(name, entry);
    return {
      buffer: entry.buffer,
      isUsed: () => entry.saved,
      use: () => {
        entry.saved = true;
      },
    };
  }

  /** Adds the state that counts steps. For constructors of subclasses. */
  protected addStepCounter(): StepCounter {
    const step = this.addState('step', zeros([], { dtype: 'i32' }));
    const missed = this.addOptionalState('missed_steps', zeros([this.entries.length], { dtype: 'i32' }));
    return new StepCounter(step, missed);
  }

  /** Adds a state tensor for each parameter, `NAME.PARAMETER`, by default of zeros. For constructors of subclasses. */
  protected addParameterState(name: string, initial: (entry: Entry) => Tensor | number = () => 0): ParameterState {
    const buffers = new Map(
      this.entries.map((entry) => {
        const { shape, dtype } = entry.parameter;
        const value = initial(entry);
        const tensor = value instanceof Tensor ? value : full(shape, value, { dtype });
        return [entry, this.addState(`${name}.${entry.name}`, tensor)] as const;
      }),
    );
    return (entry) => {
      const buffer = buffers.get(entry);
      if (buffer === undefined) throw new Error(`${this.constructor.name}: ${entry.name} has no state ${name}`);
      return buffer;
    };
  }

  /** Moves the parameters and the state to another backend, in place. If a tensor cannot be moved, nothing is changed. */
  async to(backend: Backend | string): Promise<this> {
    await moveTensors([...this.parameters, ...[...this.#state.values()].map(({ buffer }) => buffer)], backend);
    return this;
  }

  /** The state tensors with their names, not copies of them: later updates change them. */
  namedState(): [name: string, buffer: Buffer][] {
    return [...this.#state].flatMap(([name, { buffer, saved }]) => (saved ? [[name, buffer]] : []));
  }

  /** The state by name, for a checkpoint. The tensors share the optimizer's memory: read them before the next step. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.namedState().map(([name, tensor]) => [name, Tensor.fromNode(tensor.node)]));
  }

  /** Loads the state of an optimizer of the same parameters. Nothing is changed unless everything fits. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const own = new Map(
      [...this.#state].map(([name, { buffer, optional }]) => [name, { tensor: buffer, optional }] as const),
    );
    requireFit(`${this.constructor.name}.loadStateDict`, 'the optimizer', own, state);
    for (const [name, entry] of this.#state) {
      const { buffer, saved, optional } = entry;
      const given = state.get(name);
      if (given !== undefined) buffer.assign(given.detach());
      else if (saved) buffer.assign(zeros(buffer.shape, { dtype: buffer.dtype }));
      if (optional) entry.saved = given !== undefined;
    }
  }

  #requireOne(what: string, value: Tensor): void {
    if (value.size !== 1)
      throw new RangeError(
        `${this.constructor.name}.${what} must be one number, got a tensor of shape ${formatShape(value.shape)}`,
      );
  }
}

const isNamed = (item: Parameter | readonly [string, Parameter]): item is readonly [string, Parameter] =>
  Array.isArray(item);

/** A misspelled option, or one with PyTorch's spelling, would be left out without a word where the compiler does not see it. */
function refuseUnknown(optimizer: string, options: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(options).filter((key) => options[key] !== undefined);
  if (name === undefined) return;
  const camelCase = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  throw new TypeError(
    `${optimizer}: there is no option ${name}${camelCase === name ? '' : `; names are in camel case: ${camelCase}`}`,
  );
}

export function requireNonNegative(name: string, value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`optimizer: ${name} must be a finite number of at least 0, got ${value}`);
  return value;
}

/** Decay rates of running means, as in PyTorch. @throws RangeError where one is not in [0, 1) */
export function requireBetas(optimizer: string, betas: readonly [number, number]): readonly [number, number] {
  if (!Array.isArray(betas) || betas.length !== 2)
    throw new RangeError(`${optimizer}: betas must be two numbers, got ${JSON.stringify(betas)}`);
  for (const beta of betas)
    if (!(beta >= 0 && beta < 1))
      throw new RangeError(`${optimizer}: betas must be in [0, 1), got ${betas.join(', ')}`);
  return betas;
}
