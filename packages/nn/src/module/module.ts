/** The base class of layers and models: names, state, modes, and moving to another backend. */
import { type Backend, type DType, formatShape, isDType, isFloat, moveTensors, Tensor } from '@tessera/tensor';
import { display, type MediaBundle } from '@tessera/tensor/display';
import { callForward } from './call-forward.ts';
import { closestName } from './closest.ts';
import { displayModule } from './display-module.ts';
import { addHook, type BackwardHook, type ForwardHook, type ForwardPreHook, type HookHandle } from './hooks.ts';
import { type NamePattern, selectByPattern } from './name-pattern.ts';
import { Buffer, castState, Parameter } from './parameter.ts';
import { printModule, settingsInFields } from './print-module.ts';

/** Tensors by their path: what `stateDict` returns and `loadStateDict` takes. */
export type StateDict = ReadonlyMap<string, Tensor>;

export interface LoadOptions {
  /** Throw an error if names are missing or unexpected (default). Shapes must fit in any case. */
  readonly strict?: boolean;
}

export interface LoadResult {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

type Member = Module | Parameter | Buffer;

const isMember = (value: unknown): value is Member =>
  value instanceof Module || value instanceof Parameter || value instanceof Buffer;

/** The members in the value of a field: the value itself, or those of an array, by their position. `outer`: the arrays around it. */
function* membersOf(
  value: unknown,
  path: string,
  owner: string,
  outer: readonly unknown[] = [],
): Iterable<[name: string, member: Member]> {
  if (isMember(value)) yield [path, value];
  else if (!Array.isArray(value)) refuseHidden(value, path, owner);
  else if (!outer.includes(value))
    for (const [index, item] of value.entries())
      if (typeof item === 'object' && item !== null)
        yield* membersOf(item, `${path}.${index}`, owner, [...outer, value]);
}

/** @throws TypeError for a collection that has modules or parameters at any depth, which would be neither trained nor saved */
function refuseHidden(value: unknown, path: string, owner: string): void {
  const collection = collectionOf(value);
  const member = collection === undefined ? undefined : hiddenMember(value, new Set());
  if (collection === undefined || member === undefined) return;
  const kind = member instanceof Tensor ? 'Parameter' : 'Module';
  throw new TypeError(
    `${owner}.${path}: a ${collection.what} of ${kind === 'Module' ? 'modules' : 'parameters'} is not part of the module: nothing in it would ` +
      `be trained or saved. Use ${collection.named ? `${kind}Dict` : `${kind}List or an array`}`,
  );
}

/** The first module or parameter in collections within collections. Instances of classes keep what they have to themselves. */
function hiddenMember(value: unknown, seen: Set<unknown>): Member | undefined {
  if (isMember(value)) return value;
  const values = Array.isArray(value) ? value : collectionOf(value)?.values();
  if (values === undefined || seen.has(value)) return undefined;
  seen.add(value);
  for (const item of values) {
    const member = typeof item === 'object' ? hiddenMember(item, seen) : undefined;
    if (member !== undefined) return member;
  }
  return undefined;
}

interface Collection {
  readonly what: string;
  readonly named: boolean;
  values(): Iterable<unknown>;
}

function collectionOf(value: unknown): Collection | undefined {
  if (value instanceof Map) return { what: 'Map', named: true, values: () => keysAndValues(value) };
  if (value instanceof Set) return { what: 'Set', named: false, values: () => value };
  if (typeof value !== 'object' || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  return { what: 'plain object', named: true, values: () => Object.values(value) };
}

function* keysAndValues(map: ReadonlyMap<unknown, unknown>): Iterable<unknown> {
  yield* map.keys();
  yield* map.values();
}

const join = (prefix: string, name: string): string =>
  prefix === '' || name === '' ? prefix + name : `${prefix}.${name}`;

/**
 * The base class of layers and models. Parameters, buffers and child modules are found by plain property assignment, and the name of a
 * tensor is its path: `this.conv1 = new Conv2d(...)` has `conv1.weight`. An array counts as a list: `blocks.0`, `blocks.1`. Modules and
 * parameters in a Map, a Set or a plain object, at any depth, are an error; `ModuleDict` and `ParameterDict` have names. Private fields
 * (`#conv`) and the fields of other objects are not searched, as JavaScript hides them or they may belong to somebody else.
 * Subclasses define a `forward` with the arguments that they need.
 */
export abstract class Module {
  /** Set by `train` and `eval`: dropout and batch normalization read it. */
  training = true;
  /** Set by `namedParameters`: printed programs show it for the nodes that `forward` creates. */
  #path = '';

  constructor() {
    const { forward } = this as { forward?: (...args: unknown[]) => unknown };
    if (forward === undefined) return;
    const called = (...args: unknown[]): unknown =>
      callForward(this, this.#path, (...inputs) => forward.apply(this, [...inputs]), args);
    // Not enumerable, so that `members` does not visit it.
    Object.defineProperty(this, 'forward', { value: called, writable: true, configurable: true });
  }

  /**
   * Parameters, buffers and child modules with their names, in order of assignment. A subclass may override it to use other
   * names; the members of a child named '' are named as if they were the parent's.
   */
  *members(): Iterable<[name: string, member: Member]> {
    for (const [name, value] of Object.entries(this)) yield* membersOf(value, name, this.constructor.name);
  }

  /** This module (named '') and all below it, each once, parents first. */
  *namedModules(prefix = '', seen: Set<Module> = new Set()): Generator<[name: string, module: Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, member] of this.members())
      if (member instanceof Module) yield* member.namedModules(join(prefix, name), seen);
  }

  /** Direct children with their names. */
  *namedChildren(): Generator<[name: string, module: Module]> {
    for (const [name, member] of this.members()) if (member instanceof Module) yield [name, member];
  }

  /**
   * Every parameter once, by its path; a shared one by its first path. Also sets each parameter's `name`, and the name that printed
   * programs show for each module.
   */
  namedParameters(): [name: string, parameter: Parameter][] {
    for (const [path, module] of this.namedModules()) module.#path = path;
    const found = [...this.#namedState()].filter(
      (entry): entry is [string, Parameter] => entry[1] instanceof Parameter,
    );
    const seen = new Set<Parameter>();
    return found.filter(([name, parameter]) => {
      if (seen.has(parameter)) return false;
      seen.add(parameter);
      parameter.name = name;
      return true;
    });
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** The parameters that are not frozen. */
  trainableParameters(): Parameter[] {
    return this.parameters().filter((parameter) => parameter.requiresGrad);
  }

  namedBuffers(): [name: string, buffer: Buffer][] {
    return [...this.#namedState()].filter((entry): entry is [string, Buffer] => entry[1] instanceof Buffer);
  }

  /** The total number of elements of the parameters. */
  parameterCount({ trainableOnly = false } = {}): number {
    const parameters = trainableOnly ? this.trainableParameters() : this.parameters();
    return parameters.reduce((total, parameter) => total + parameter.size, 0);
  }

  /**
   * All parameters and buffers by their path. As in PyTorch, the tensors share the module's memory: read them before the next training
   * step, which may overwrite it.
   */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.#namedState()].map(([name, tensor]) => [name, Tensor.fromNode(tensor.node)]));
  }

  /**
   * Assigns the values of `state` to the module. Floating-point values are cast to the module's dtype. Nothing is changed unless
   * everything fits.
   *
   * @throws Error listing names that are missing or unexpected (`strict`), shapes and dtypes that differ.
   */
  loadStateDict(state: StateDict | Readonly<Record<string, Tensor>>, { strict = true }: LoadOptions = {}): LoadResult {
    const given = new Map<string, Tensor>(state instanceof Map ? state : Object.entries(state));
    const own = new Map(this.#namedState());
    const missing = [...own.keys()].filter((name) => !given.has(name));
    const unexpected = [...given.keys()].filter((name) => !own.has(name));
    const problems = strict ? describeNames(missing, unexpected, own) : [];
    for (const [name, tensor] of own) {
      const value = given.get(name);
      if (value !== undefined) problems.push(...describeMismatch(name, tensor, value));
    }
    if (problems.length > 0)
      throw new Error(
        [`${this.constructor.name}.loadStateDict: the state does not fit the module`, ...abridge(problems)].join(
          '\n  ',
        ),
      );
    for (const [name, tensor] of own) {
      const value = given.get(name);
      if (value !== undefined) tensor.assign(value.detach().cast(tensor.dtype));
    }
    return { missing, unexpected };
  }

  /** Puts this module and all below it into training mode, or (`false`) evaluation mode. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Evaluation mode: no dropout, batch normalization by running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Casts all floating-point parameters and buffers, e.g. to `f64` for a check. */
  to(dtype: DType): this;
  /**
   * Moves all parameters and buffers to another backend, in place: move an optimizer over them with `optimizer.to`. If a tensor cannot
   * be moved, nothing is changed.
   */
  to(backend: Backend | string): Promise<this>;
  to(target: DType | Backend | string): this | Promise<this> {
    return isDType(target) ? this.#cast(target) : this.#moveTo(target);
  }

  async #moveTo(backend: Backend | string): Promise<this> {
    await moveTensors(
      [...this.#namedState()].map(([, tensor]) => tensor),
      backend,
    );
    return this;
  }

  #cast(dtype: DType): this {
    if (!isFloat(dtype)) throw new TypeError(`${this.constructor.name}.to: ${dtype} is not a floating-point dtype`);
    for (const [, tensor] of this.#namedState()) if (isFloat(tensor.dtype)) castState(tensor, dtype);
    return this;
  }

  /** Excludes parameters from training: all, or those that a pattern names. */
  freeze(...patterns: NamePattern[]): this {
    return this.#setTrainable(false, patterns);
  }

  /** Includes parameters in training again: all, or those that a pattern names. */
  unfreeze(...patterns: NamePattern[]): this {
    return this.#setTrainable(true, patterns);
  }

  #setTrainable(trainable: boolean, patterns: readonly NamePattern[]): this {
    const named = this.namedParameters();
    const chosen = patterns.length === 0 ? named : patterns.flatMap((pattern) => selectByPattern(named, pattern));
    for (const [, parameter] of chosen) parameter.requiresGrad = trainable;
    return this;
  }

  /**
   * Calls `hook(module, inputs)` before every `forward`. It may return other inputs: an array, or a single tensor.
   *
   * @returns a handle that removes the hook
   */
  registerForwardPreHook(hook: ForwardPreHook<this>): HookHandle {
    return addHook(this, 'before', hook as ForwardPreHook<object>);
  }

  /**
   * Calls `hook(module, inputs, output)` after every `forward`. It may return another output.
   *
   * @returns a handle that removes the hook
   */
  registerForwardHook<Output = Tensor>(hook: ForwardHook<this, Output>): HookHandle {
    return addHook(this, 'after', hook as ForwardHook<object, unknown>);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` when the gradients of the tensors that `forward` gets and returns are known: floating-point
   * tensors among its arguments, and its result or those in an array or an object. It may return other gradients of the inputs. The
   * gradients are tensors like others: they are computed when they are read, or with the compiled step that is being recorded.
   *
   * @returns a handle that removes the hook
   */
  registerFullBackwardHook(hook: BackwardHook<this>): HookHandle {
    return addHook(this, 'backward', hook as BackwardHook<object>);
  }

  /** The settings in `String(module)`, as PyTorch's `extra_repr`; by default the fields of a module without children. */
  extraRepr(): string {
    return settingsInFields(this);
  }

  /** The tree of modules with their settings, as PyTorch prints it. `console.log` shows the same in Node. */
  toString(): string {
    return printModule(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    // Node indents the lines of what an object prints, but not those of a string.
    return { [Symbol.for('nodejs.util.inspect.custom')]: () => this.toString() };
  }

  /** What a notebook shows: the tree of modules as a table, with the number of their parameters. */
  [display](): MediaBundle {
    return displayModule(this);
  }

  *#namedState(): Generator<[name: string, tensor: Parameter | Buffer]> {
    for (const [path, module] of this.namedModules())
      for (const [name, member] of module.members()) if (!(member instanceof Module)) yield [join(path, name), member];
  }
}

/** A module that maps one tensor to one tensor. */
export type UnaryModule = Module & { forward(input: Tensor): Tensor };

function describeNames(
  missing: readonly string[],
  unexpected: readonly string[],
  own: ReadonlyMap<string, Tensor>,
): string[] {
  return [
    ...missing.map((name) => `missing: ${name} ${formatShape(own.get(name)?.shape ?? [])}`),
    ...unexpected.map((name) => {
      const near = closestName(name, missing.length > 0 ? missing : own.keys());
      return `unexpected: ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
    }),
  ];
}

function describeMismatch(name: string, own: Tensor, given: Tensor): string[] {
  if (formatShape(own.shape) !== formatShape(given.shape))
    return [`shape: ${name} is ${formatShape(own.shape)} in the module and ${formatShape(given.shape)} in the state`];
  if (own.dtype !== given.dtype && !(isFloat(own.dtype) && isFloat(given.dtype)))
    return [`dtype: ${name} is ${own.dtype} in the module and ${given.dtype} in the state`];
  return [];
}

const listed = 30;

const abridge = (lines: readonly string[]): readonly string[] =>
  lines.length <= listed ? lines : [...lines.slice(0, listed), `... and ${lines.length - listed} more`];
