/** Choosing the model's tensors in a training checkpoint. */
import { describeValue, InertObject, type PickleValue } from '@tessera/data/pickle';
import { TensorReference } from './references.ts';

/** Keys that training scripts use for the state_dict, the most likely first. */
const wrappers = [
  ...['state_dict', 'model_state_dict', 'model_state', 'model', 'module', 'network', 'net', 'weights', 'params'],
] as const;

/** Keys of what is not a model: the states of optimizers, schedules, scalers and random numbers. */
const otherStates = /optim|sched|scaler|^amp$|rng/i;

/** Deeper, a dict belongs to the names of the tensors. */
const deepestWrapper = 4;

export interface ChosenState {
  readonly value: PickleValue;
  readonly notes: readonly string[];
  /** The keys from which a user should choose. */
  readonly choices: readonly string[];
}

type Dict = ReadonlyMap<PickleValue, PickleValue>;

/** The entries of a dict, or the attributes of an instance; null for other values. */
function childrenOf(value: PickleValue | undefined): Dict | null {
  const children = value instanceof InertObject ? value.state : value;
  return children instanceof Map ? children : null;
}

/** The keys of the entries that contain tensors, directly or further down. Each value is visited once, so a cycle does no harm. */
function keysWithTensors(dict: Dict): string[] {
  const known = new Map<PickleValue, boolean>();
  const contains = (value: PickleValue, depth: number): boolean => {
    if (value instanceof TensorReference) return true;
    const children = childrenOf(value);
    if (children === null || depth > 64) return false;
    const before = known.get(value);
    if (before !== undefined) return before;
    known.set(value, false);
    const found = [...children].some(([key, child]) => typeof key === 'string' && contains(child, depth + 1));
    known.set(value, found);
    return found;
  };
  return [...dict].flatMap(([key, value]) =>
    typeof key === 'string' && !otherStates.test(key) && childrenOf(value) !== null && contains(value, 0) ? [key] : [],
  );
}

const tensorsIn = (dict: Dict): string[] =>
  [...dict].flatMap(([key, value]) => (typeof key === 'string' && value instanceof TensorReference ? [key] : []));

/**
 * The part of a saved value that is the model: the value under a usual key, or the only one that contains tensors. Several keys without a
 * usual one are a choice for the user.
 */
export function chooseState(saved: PickleValue): ChosenState {
  let value = saved;
  const path: string[] = [];
  const notes: string[] = [];
  while (value instanceof Map && path.length < deepestWrapper) {
    const dict: Dict = value;
    const keys = keysWithTensors(dict);
    const direct = tensorsIn(dict);
    const usual = wrappers.find((name) => keys.includes(name));
    const [only] = direct.length === 0 && keys.length === 1 ? keys : [];
    const chosen = usual ?? only;
    if (chosen === undefined || (usual === undefined && !isState(dict.get(chosen))))
      return { value, notes, choices: direct.length === 0 && keys.length > 1 ? keys : [] };
    path.push(chosen);
    const others = [...keys, ...direct].filter((key) => key !== chosen);
    if (others.length > 0)
      notes.push(`read ${path.join('.')}; not read: ${others.join(', ')}, which --weights-key can choose`);
    value = dict.get(chosen) as PickleValue;
  }
  return { value, notes, choices: [] };
}

/** Whether a value is a dict with tensors in it, or with a dict under a usual key. */
function isState(value: PickleValue | undefined): boolean {
  const dict = childrenOf(value);
  return dict !== null && (tensorsIn(dict).length > 0 || wrappers.some((name) => childrenOf(dict.get(name)) !== null));
}

/** The value under a key, or under keys that are joined by dots; undefined if there is none. */
export function valueAt(saved: PickleValue, key: string): PickleValue | undefined {
  const dict = childrenOf(saved);
  if (dict === null) return undefined;
  if (dict.has(key)) return dict.get(key);
  for (let dot = key.indexOf('.'); dot >= 0; dot = key.indexOf('.', dot + 1)) {
    const child = dict.get(key.slice(0, dot));
    const found = child === undefined ? undefined : valueAt(child, key.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The keys of a dict, for messages. */
export function keysOf(value: PickleValue): string {
  if (!(value instanceof Map)) return '';
  const keys = [...value.keys()].slice(0, 10).map((key) => (typeof key === 'string' ? key : describeValue(key)));
  return `; its keys are ${keys.join(', ')}${value.size > keys.length ? ', ...' : ''}`;
}
