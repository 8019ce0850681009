/** Lists and dictionaries of modules and of parameters, with PyTorch's names in the state_dict. */
import { Tensor } from '@tessera/tensor';
import { shown } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';

/** The position in a list of `length`, where negative ones count from the end. @throws RangeError if there is none */
function place(list: string, index: number, length: number): number {
  const at = index < 0 ? index + length : index;
  if (!Number.isInteger(index) || at < 0 || at >= length)
    throw new RangeError(`${list}: index ${index} is outside of a list of ${length}`);
  return at;
}

/** A list of members, named 0, 1, 2, ... */
abstract class MemberList<Item extends Module | Parameter, Given = Item> extends Module {
  #items: Item[] = [];

  override *members(): Iterable<[name: string, member: Item]> {
    for (const [index, item] of this.#items.entries()) yield [`${index}`, item];
  }

  get length(): number {
    return this.#items.length;
  }

  [Symbol.iterator](): IterableIterator<Item> {
    return this.#items.values();
  }

  /** The item at that position; negative ones count from the end. */
  get(index: number): Item {
    return this.#items[place(this.constructor.name, index, this.length)] as Item;
  }

  /** Replaces the item at that position. */
  set(index: number, item: Given): this {
    this.#items[place(this.constructor.name, index, this.length)] = this.accept(item);
    return this;
  }

  append(item: Given): this {
    this.#items.push(this.accept(item));
    return this;
  }

  extend(items: Iterable<Given>): this {
    if (typeof (items as Partial<Iterable<Given>>)?.[Symbol.iterator] !== 'function')
      throw new TypeError(`${this.constructor.name}: takes a list, got ${shown(items)}`);
    for (const item of items) this.append(item);
    return this;
  }

  /** Inserts an item before that position; at `length`, it is the last one. */
  insert(index: number, item: Given): this {
    this.#items.splice(place(this.constructor.name, index, this.length + 1), 0, this.accept(item));
    return this;
  }

  /** Checks an item, and converts it if necessary. */
  protected abstract accept(item: Given): Item;
}

/** Items by their names: an object, a Map, or a list of pairs. */
type Named<Item> = Readonly<Record<string, Item>> | Iterable<readonly [name: string, item: Item]>;

/** Members with names. */
abstract class MemberDict<Item extends Module | Parameter, Given = Item> extends Module {
  readonly #items = new Map<string, Item>();

  override *members(): Iterable<[name: string, member: Item]> {
    yield* this.#items;
  }

  get size(): number {
    return this.#items.size;
  }

  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** @throws RangeError if there is no item of that name */
  get(name: string): Item {
    const item = this.#items.get(name);
    if (item === undefined)
      throw new RangeError(
        `${this.constructor.name}: nothing is named '${name}'; the names are ${[...this.#items.keys()].join(', ')}`,
      );
    return item;
  }

  /** Adds an item, or replaces that of the same name. */
  set(name: string, item: Given): this {
    if (typeof name !== 'string' || name === '' || name.includes('.'))
      throw new RangeError(`${this.constructor.name}: a name must not be empty or have a dot, got '${name}'`);
    this.#items.set(name, this.accept(item));
    return this;
  }

  /** Sets every item of an object, a Map, or a list of names and items. */
  update(items: Named<Given>): this {
    const entries = Symbol.iterator in items ? (items as Iterable<readonly [string, Given]>) : Object.entries(items);
    for (const [name, item] of entries) this.set(name, item);
    return this;
  }

  /** Removes an item; false if there was none of that name. */
  delete(name: string): boolean {
    return this.#items.delete(name);
  }

  keys(): IterableIterator<string> {
    return this.#items.keys();
  }

  values(): IterableIterator<Item> {
    return this.#items.values();
  }

  entries(): IterableIterator<[string, Item]> {
    return this.#items.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, Item]> {
    return this.#items.entries();
  }

  /** Checks an item, and converts it if necessary. */
  protected abstract accept(item: Given): Item;
}

function requireModule<M extends Module>(owner: string, module: M): M {
  if (module instanceof Module) return module;
  throw new TypeError(`${owner}: takes modules, got ${shown(module)}`);
}

/** PyTorch's lists of parameters make parameters of tensors. */
function asParameter(owner: string, value: Tensor): Parameter {
  if (value instanceof Parameter) return value;
  if (value instanceof Tensor) return new Parameter(value);
  throw new TypeError(`${owner}: takes parameters and tensors, got ${shown(value)}`);
}

/** Modules in a list: the state of the first one is named `0.weight`, and so on. It has no `forward`. */
export class ModuleList<M extends Module = Module> extends MemberList<M> {
  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  protected override accept(module: M): M {
    return requireModule('ModuleList', module);
  }
}

/** Modules with names: the state of `{ linear: new Linear(2, 2) }` is named `linear.weight`, and so on. It has no `forward`. */
export class ModuleDict<M extends Module = Module> extends MemberDict<M> {
  constructor(modules: Named<M> = {}) {
    super();
    this.update(modules);
  }

  protected override accept(module: M): M {
    return requireModule('ModuleDict', module);
  }
}

/** Parameters in a list, named 0, 1, 2, ... Other tensors become parameters. */
export class ParameterList extends MemberList<Parameter, Tensor> {
  constructor(parameters: Iterable<Tensor> = []) {
    super();
    this.extend(parameters);
  }

  protected override accept(parameter: Tensor): Parameter {
    return asParameter('ParameterList', parameter);
  }
}

/** Parameters with names. Other tensors become parameters. */
export class ParameterDict extends MemberDict<Parameter, Tensor> {
  constructor(parameters: Named<Tensor> = {}) {
    super();
    this.update(parameters);
  }

  protected override accept(parameter: Tensor): Parameter {
    return asParameter('ParameterDict', parameter);
  }
}
