/** Hooks: functions of the user that run before and after a module's `forward`, and when its gradients are known. */
import { whenWalkEnds } from '@tessera/autograd';
import { isFloat, Tensor } from '@tessera/tensor';
import { areGradientsEnabled, graph, type Node } from '@tessera/tensor/graph';

/** Removes a hook. */
export interface HookHandle {
  remove(): void;
}

/** Called with the module and the arguments of `forward`. May return other arguments: an array, or a single tensor. */
export type ForwardPreHook<M> = (module: M, inputs: readonly unknown[]) => readonly unknown[] | Tensor | undefined;

/** Called with the module, the arguments and the result of `forward`. May return another result. */
export type ForwardHook<M, Output = Tensor> = (
  module: M,
  inputs: readonly unknown[],
  output: Output,
) => Output | undefined;

/**
 * Called with the gradients of the inputs and of the outputs, null where there is none. May return other gradients of the inputs. Like
 * all tensors they are computed when they are read, or by the compiled function that is being recorded.
 */
export type BackwardHook<M> = (
  module: M,
  gradInput: readonly (Tensor | null)[],
  gradOutput: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | undefined;

interface Hooks {
  readonly before: Set<ForwardPreHook<object>>;
  readonly after: Set<ForwardHook<object, unknown>>;
  readonly backward: Set<BackwardHook<object>>;
}

const registered = new WeakMap<object, Hooks>();

/** Adds a hook to a module. The order of hooks is that of their registration. */
export function addHook<Kind extends keyof Hooks>(
  module: object,
  kind: Kind,
  hook: Hooks[Kind] extends Set<infer Hook> ? Hook : never,
): HookHandle {
  let hooks = registered.get(module);
  if (hooks === undefined) {
    hooks = { before: new Set(), after: new Set(), backward: new Set() };
    registered.set(module, hooks);
  }
  const list = hooks[kind] as Set<unknown>;
  // A function of its own for each registration: the same hook may be registered twice.
  const own = (...args: unknown[]): unknown => (hook as (...args: unknown[]) => unknown)(...args);
  list.add(own);
  return { remove: () => void list.delete(own) };
}

/** Calls `forward` with the hooks of the module. */
export function callWithHooks(
  module: object,
  forward: (...inputs: readonly unknown[]) => unknown,
  inputs: readonly unknown[],
): unknown {
  const hooks = registered.get(module);
  if (hooks === undefined) return forward(...inputs);
  let given = inputs;
  for (const hook of hooks.before) {
    const changed = hook(module, given) ?? given;
    given = changed instanceof Tensor ? [changed] : changed;
  }
  const watch = hooks.backward.size > 0 && areGradientsEnabled() ? new GradientWatch(module, hooks.backward) : null;
  let output = forward(...(watch?.inputs(given) ?? given));
  for (const hook of hooks.after) output = hook(module, given, output) ?? output;
  return watch === null ? output : watch.outputs(output);
}

const isDifferentiable = (value: unknown): value is Tensor => value instanceof Tensor && isFloat(value.dtype);

/**
 * Watches one call of a module. Its inputs and outputs become nodes of the same value, which the reverse walk passes: the outputs note
 * their gradients, and so do the inputs. One more node, `gate`, leads from the inputs of the module to those that `forward` gets. The walk
 * reaches it when all gradients are known, and there the hooks are called, once.
 */
class GradientWatch {
  readonly #module: object;
  readonly #hooks: ReadonlySet<BackwardHook<object>>;
  readonly #gradInput: (Tensor | null)[] = [];
  readonly #gradOutput: (Tensor | null)[] = [];
  #isPending = false;

  constructor(module: object, hooks: ReadonlySet<BackwardHook<object>>) {
    this.#module = module;
    this.#hooks = hooks;
  }

  /** The arguments that `forward` gets instead. */
  inputs(given: readonly unknown[]): unknown[] {
    const watched = given.filter(isDifferentiable);
    if (watched.length === 0) return [...given];
    this.#gradInput.push(...watched.map(() => null));
    const zero = graph.constant(0, [], 'f32');
    const gate = graph.custom(
      zero,
      watched.map(({ node }) => node),
      { name: 'backward hook', backward: () => this.#call().map((gradient) => gradient?.node ?? null) },
    );
    let k = 0;
    return given.map((value) => {
      if (!isDifferentiable(value)) return value;
      const position = k++;
      return this.#passThrough(value, [gate], (gradient) => {
        this.#gradInput[position] = Tensor.fromNode(gradient);
        return [zero];
      });
    });
  }

  /** The result with its tensors replaced: a tensor, or those in an array or an object. */
  outputs(output: unknown): unknown {
    if (isDifferentiable(output)) {
      const position = this.#gradOutput.push(null) - 1;
      return this.#passThrough(output, [output.node], (gradient) => {
        this.#gradOutput[position] = Tensor.fromNode(gradient);
        this.#expectCall();
        return [gradient];
      });
    }
    if (Array.isArray(output)) return output.map((value) => this.outputs(value));
    if (typeof output !== 'object' || output === null || Object.getPrototypeOf(output) !== Object.prototype)
      return output;
    return Object.fromEntries(Object.entries(output).map(([key, value]) => [key, this.outputs(value)]));
  }

  #passThrough(value: Tensor, sources: readonly Node[], backward: (gradient: Node) => readonly Node[]): Tensor {
    return Tensor.fromNode(graph.custom(value.node, sources, { name: 'backward hook', backward }));
  }

  /** Where no gradient of an input is asked for, the walk does not reach the gate: then the hooks are called at its end. */
  #expectCall(): void {
    if (this.#isPending) return;
    this.#isPending = true;
    whenWalkEnds(() => {
      if (this.#isPending) this.#call();
    });
  }

  /** Calls the hooks; returns the gradients of the inputs. */
  #call(): readonly (Tensor | null)[] {
    this.#isPending = false;
    let gradInput: readonly (Tensor | null)[] = this.#gradInput.splice(0, this.#gradInput.length);
    const gradOutput = [...this.#gradOutput];
    // The same graph may be differentiated again.
    this.#gradInput.push(...gradInput.map(() => null));
    this.#gradOutput.fill(null);
    for (const hook of this.#hooks) gradInput = hook(this.#module, gradInput, gradOutput) ?? gradInput;
    return gradInput;
  }
}
