/** The base of all optimizers: parameters, groups, learning rate and state. */
import { Buffer, closestName, type Parameter } from '@tessera/nn';
import { type Backend, formatShape, moveTensors, noGrad, Tensor, zeros } from '@tessera/tensor';

/** Options for the parameters that it matches; if several groups match, the first one applies. */
export interface ParameterGroup {
  readonly match: (name: string, parameter: Parameter) => boolean;
  readonly weightDecay?: number;
  /** Factor on the step's learning rate. */
  readonly lrScale?: number;
}

export interface OptimizerOptions {
  /** Learning rate of steps that do not pass their own. */
  readonly lr?: number;
  readonly weightDecay?: number;
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
interface Entry {
  readonly name: string;
  readonly parameter: Parameter;
  readonly weightDecay: number;
  readonly lrScale: number;
}

/** State tensors, one for each parameter, found by the parameter's entry. */
export type ParameterState = (entry: Entry) => Buffer;

/**
 * Updates parameters from their gradients. All state consists of tensors, so that a step can be compiled and the state can be saved; it is
 * named after the parameters (`exp_avg.visual.conv1.weight`).
 */
export abstract class Optimizer {
  readonly lr: number;
  protected readonly entries: readonly Entry[];
  readonly #state = new Map<string, Buffer>();

  constructor(parameters: OptimizedParameters, { lr = 1e-3, weightDecay = 0, groups = [] }: OptimizerOptions) {
    requireNonNegative('lr', lr);
    requireNonNegative('weightDecay', weightDecay);
    this.lr = lr;
    this.entries = [...parameters].map((item, index): Entry => {
      const [name, parameter] = isNamed(item) ? item : [item.name ?? `${index}`, item];
      const group = groups.find(({ match }) => match(name, parameter));
      return {
        name,
        parameter,
        weightDecay: requireNonNegative('weightDecay', group?.weightDecay ?? weightDecay),
        lrScale: requireNonNegative('lrScale', group?.lrScale ?? 1),
      };
    });
    if (this.entries.length === 0) throw new Error(`${this.constructor.name}: no parameters to optimize`);
    const names = new Set(this.entries.map(({ name }) => name));
    if (names.size !== this.entries.length)
      throw new Error(
        `${this.constructor.name}: two parameters have the same name; pass [name, parameter] pairs with different names`,
      );
  }

  /** The parameters, in the order of the gradients. */
  get parameters(): readonly Parameter[] {
    return this.entries.map(({ parameter }) => parameter);
  }

  /**
   * Assigns new values to all parameters and to the state.
   *
   * @param gradients one for each parameter, in the order of the constructor's parameters; null: the parameter is not changed
   * @param lr learning rate of this step. In a compiled step it must be a tensor, because a number would become a constant.
   */
  step(gradients: readonly (Tensor | null)[], lr: Tensor | number = this.lr): void {
    const kind = this.constructor.name;
    if (gradients.length !== this.entries.length)
      throw new RangeError(`${kind}.step: ${gradients.length} gradients for ${this.entries.length} parameters`);
    this.entries.forEach(({ name, parameter }, index) => {
      const shape = gradients[index]?.shape ?? parameter.shape;
      if (formatShape(shape) !== formatShape(parameter.shape))
        throw new RangeError(
          `${kind}.step: the gradient of ${name} has shape ${formatShape(shape)}, the parameter ${formatShape(parameter.shape)}`,
        );
    });
    if (lr instanceof Tensor && lr.size !== 1)
      throw new RangeError(`${kind}.step: the learning rate must be one number, got shape ${formatShape(lr.shape)}`);
    noGrad(() => this.update(gradients, lr instanceof Tensor ? lr.reshape([]) : lr));
  }

  /** The update rule. Runs without recording derivatives. */
  protected abstract update(gradients: readonly (Tensor | null)[], lr: Tensor | number): void;

  /** Adds a state tensor. For constructors of subclasses. */
  protected addState(name: string, initial: Tensor): Buffer {
    const buffer = new Buffer(initial);
    this.#state.set(name, buffer);
    return buffer;
  }

  /** Adds a state tensor of zeros for each parameter, `NAME.PARAMETER`. For constructors of subclasses. */
  protected addParameterState(name: string): ParameterState {
    const buffers = new Map(
      this.entries.map((entry) => {
        const { shape, dtype } = entry.parameter;
        return [entry, this.addState(`${name}.${entry.name}`, zeros(shape, { dtype }))] as const;
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
    await moveTensors([...this.parameters, ...this.#state.values()], backend);
    return this;
  }

  /** The state tensors with their names, not copies of them: later updates change them. */
  namedState(): [name: string, buffer: Buffer][] {
    return [...this.#state];
  }

  /** The state by name, for a checkpoint. The tensors share the optimizer's memory: read them before the next step. */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.#state].map(([name, tensor]) => [name, Tensor.fromNode(tensor.node)]));
  }

  /** Loads the state of an optimizer of the same parameters. Nothing is changed unless everything fits. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const problems: string[] = [];
    for (const [name, own] of this.#state) {
      const given = state.get(name);
      if (given === undefined) problems.push(`missing: ${name}`);
      else if (formatShape(given.shape) !== formatShape(own.shape) || given.dtype !== own.dtype)
        problems.push(
          `${name} is ${own.dtype} ${formatShape(own.shape)} in the optimizer and ${given.dtype} ${formatShape(given.shape)} in the state`,
        );
    }
    for (const name of state.keys()) {
      if (this.#state.has(name)) continue;
      const near = closestName(name, this.#state.keys());
      problems.push(`unexpected: ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`);
    }
    if (problems.length > 0)
      throw new Error(
        [`${this.constructor.name}.loadStateDict: the state does not fit the optimizer`, ...problems.slice(0, 30)].join(
          '\n  ',
        ),
      );
    for (const [name, own] of this.#state) own.assign((state.get(name) as Tensor).detach());
  }
}

const isNamed = (item: Parameter | readonly [string, Parameter]): item is readonly [string, Parameter] =>
  Array.isArray(item);

export function requireNonNegative(name: string, value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`optimizer: ${name} must be a finite number of at least 0, got ${value}`);
  return value;
}

/** `lr * scale`, where `lr` may be a number or a scalar tensor. */
export const scaleRate = (lr: Tensor | number, scale: number): Tensor | number =>
  lr instanceof Tensor ? lr.mul(scale) : lr * scale;
