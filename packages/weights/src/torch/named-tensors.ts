/** Finding the named tensors in an unpickled value. */

import { describeValue, InertObject, type PickleValue } from '@tessera/data/pickle';
import { belowKey } from '../files/stored-tensor.ts';
import { type ChosenState, chooseState, keysOf, valueAt } from './choose-state.ts';
import { TensorReference } from './references.ts';

/** More than any model has. Without a limit, a graph of shared lists and dicts could take forever. */
const maximumValues = 1_000_000;
const maximumDepth = 64;

export interface NamedTensors extends Pick<ChosenState, 'notes' | 'choices'> {
  readonly tensors: ReadonlyMap<string, TensorReference>;
}

/**
 * The tensors of a saved value by name: of a state_dict, of a dict that contains one (see `chooseState`), or of the modules of a
 * TorchScript archive. Values that are not tensors are ignored.
 *
 * @param key chooses a value of the dict, or of the dicts in it (`a.b`), or the tensors whose names start with it; null: no choice
 * @throws if there are no named tensors, or if the value contains itself
 */
export function namedTensors(saved: PickleValue, key: string | null = null): NamedTensors {
  const value = key === null ? undefined : valueAt(saved, key);
  const { value: state, notes, choices } = chooseState(value ?? saved);
  const found = tensorsIn(state);
  if (found.size === 0) throw new Error(`contains no named tensors: it is ${describeValue(saved)}${keysOf(saved)}`);
  if (key === null || value !== undefined) return { tensors: found, notes, choices };
  const below = belowKey(found, key) ?? belowKey(tensorsIn(saved), key);
  if (below === null) throw new Error(`has no key '${key}'${keysOf(saved)}`);
  return { tensors: below, notes: [], choices: [] };
}

function tensorsIn(value: PickleValue): Map<string, TensorReference> {
  const found = new Map<string, TensorReference>();
  new Walk(found).visit(value, '');
  return found;
}

class Walk {
  readonly #found: Map<string, TensorReference>;
  readonly #path = new Set<PickleValue>();
  #visited = 0;

  constructor(found: Map<string, TensorReference>) {
    this.#found = found;
  }

  visit(value: PickleValue, name: string): void {
    if (++this.#visited > maximumValues) throw new Error(`contains more than ${maximumValues} values`);
    if (value instanceof TensorReference) {
      if (name === '') throw new Error('contains a single tensor without a name; a state_dict is needed');
      if (this.#found.has(name)) throw new Error(`contains two tensors named ${name}`);
      this.#found.set(name, value);
      return;
    }
    const children = value instanceof InertObject ? value.state : value;
    if (!(children instanceof Map)) return;
    if (this.#path.has(value)) throw new Error(`contains itself at '${name}'`);
    if (this.#path.size >= maximumDepth) throw new Error(`is nested more than ${maximumDepth} levels deep`);
    this.#path.add(value);
    for (const [key, child] of children)
      if (typeof key === 'string') this.visit(child, name === '' ? key : `${name}.${key}`);
    this.#path.delete(value);
  }
}
