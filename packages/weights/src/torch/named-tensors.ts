/** Finding the named tensors in an unpickled value. */
import { describeValue, InertObject, type PickleValue, TensorReference } from './pickle/values.ts';

/** Keys that training scripts use for the state_dict, the most likely first. */
const wrappers = ['state_dict', 'model_state_dict', 'model_state', 'model', 'module', 'network'];

/** More than any model has. Without a limit, a graph of shared lists and dicts could take forever. */
const maximumValues = 1_000_000;
const maximumDepth = 64;

/**
 * The tensors of a saved value by name: of a state_dict, of a dict that contains one under a usual key (or `key`), or of the modules of a
 * TorchScript archive. Values that are not tensors are ignored.
 *
 * @throws if there are no named tensors, or if the value contains itself
 */
export function namedTensors(saved: PickleValue, key: string | null = null): Map<string, TensorReference> {
  const found = new Map<string, TensorReference>();
  const walk = new Walk(found);
  walk.visit(chooseState(saved, key), '');
  if (found.size === 0) throw new Error(`contains no named tensors: it is ${describeValue(saved)}${keysOf(saved)}`);
  return found;
}

function chooseState(saved: PickleValue, key: string | null): PickleValue {
  if (!(saved instanceof Map)) return saved;
  if (key !== null) {
    const chosen = saved.get(key);
    if (chosen === undefined) throw new Error(`has no key '${key}'${keysOf(saved)}`);
    return chosen;
  }
  if ([...saved.values()].some((value) => value instanceof TensorReference)) return saved;
  const wrapped = wrappers
    .map((name) => saved.get(name))
    .find((value) => value instanceof Map || value instanceof InertObject);
  return wrapped ?? saved;
}

function keysOf(value: PickleValue): string {
  if (!(value instanceof Map)) return '';
  const keys = [...value.keys()].slice(0, 10).map((key) => (typeof key === 'string' ? key : describeValue(key)));
  return `; its keys are ${keys.join(', ')}${value.size > keys.length ? ', ...' : ''}`;
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
