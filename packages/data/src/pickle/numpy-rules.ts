/** The rules for pickles of NumPy's arrays, lists and texts: what data sets for Python are stored in. */
import { errorMessage } from '../io/file-system.ts';
import type { PickleRules } from './opcodes.ts';
import { describeValue, Global, InertObject, type PickleValue, Tuple } from './values.ts';

/** An array as it is stored. */
interface NumpyArray {
  /** NumPy's name of the type without its byte order: `u1`, `i8`, `f4`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The numbers row by row, in little-endian order. */
  readonly bytes: Uint8Array;
}

const array = 'numpy.ndarray';
const dtypeName = 'numpy.dtype';

type Call = (args: readonly PickleValue[]) => PickleValue;

/** An instance with the arguments of its constructor and, later, its state. */
class Instance extends InertObject {
  readonly args: readonly PickleValue[];
  constructor(className: string, args: readonly PickleValue[]) {
    super(className);
    this.args = args;
  }
}

const instance =
  (name: string): Call =>
  (args) =>
    new Instance(name, args);

/** `_codecs.encode(text, 'latin1')`, which is how Python 3 writes bytes in protocol 2. */
const encode: Call = ([text, encoding]) => {
  if (typeof text !== 'string' || encoding !== 'latin1') throw new Error('needs a text and the encoding latin1');
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 255) throw new Error('needs characters of one byte');
    return code;
  });
};

// In NumPy 2 the modules have other names.
const calls: Readonly<Record<string, Call>> = {
  [dtypeName]: instance(dtypeName),
  '_codecs.encode': encode,
  'collections.OrderedDict': () => new Map(),
  ...Object.fromEntries(
    ['numpy.core', 'numpy._core'].flatMap((module) => [
      [`${module}.multiarray._reconstruct`, instance(array)],
      [`${module}.numeric._frombuffer`, instance(`${array} of a buffer`)],
    ]),
  ),
};

export const numpyRules: PickleRules = {
  bytesOfStrings: true,
  global(name) {
    if (name === array || Object.hasOwn(calls, name)) return new Global(name);
    throw new Error(
      `refers to ${JSON.stringify(name)}, which a file of arrays does not need: rejected, because no code from a file is run`,
    );
  },
  call({ name }, args) {
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (call === undefined) throw new Error(`calls ${name}, which is not a function`);
    try {
      return call(args);
    } catch (error) {
      throw new Error(`calls ${name}, which ${errorMessage(error)}`);
    }
  },
  persistent() {
    throw new Error('refers to data outside of the file');
  },
};

export const isNumpyArray = (value: PickleValue): boolean =>
  value instanceof Instance && value.className.startsWith(array);

const itemsOf = (value: PickleValue | undefined): readonly PickleValue[] => (value instanceof Tuple ? value.items : []);

/** The type and whether its bytes are in little-endian order. */
function dtypeOf(value: PickleValue | undefined): string {
  const [name] = value instanceof Instance && value.className === dtypeName ? value.args : [];
  const text = name instanceof Uint8Array ? new TextDecoder().decode(name) : name;
  if (typeof text !== 'string' || !/^[<|]?(?:[ui][1248]|f[248]|b1)$/.test(text))
    throw new Error(`an array of the type ${typeof text === 'string' ? text : 'unknown'}; expected numbers`);
  const [, order] = itemsOf((value as Instance).state);
  const mark = order instanceof Uint8Array ? new TextDecoder().decode(order) : order;
  if (mark === '>') throw new Error('an array in big-endian order');
  return text.replace(/^[<|]/, '');
}

/**
 * An array of NumPy in a pickle.
 *
 * @throws for another value, an array of other things than numbers, and one whose shape does not fit its bytes
 */
export function readNumpyArray(value: PickleValue): NumpyArray {
  if (!(value instanceof Instance) || !isNumpyArray(value))
    throw new Error(`expected an array of NumPy, found ${describeValue(value)}`);
  const isBuffer = value.className !== array;
  // _frombuffer(bytes, dtype, shape, order); otherwise the state (version, shape, dtype, is Fortran's order, bytes).
  const [bytes, type, shape, order] = isBuffer
    ? value.args
    : ((state) => [state[4], state[2], state[1], state[3]])(itemsOf(value.state));
  const sizes = itemsOf(shape);
  if (!(bytes instanceof Uint8Array) || !sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 0))
    throw new Error('an array without shape or numbers');
  if (order === true || order === 'F' || (order instanceof Uint8Array && order[0] === 0x46))
    throw new Error("an array in Fortran's order, column by column");
  const dtype = dtypeOf(type);
  const length = (sizes as number[]).reduce((product, size) => product * size, Number(dtype.slice(1)));
  if (bytes.byteLength !== length)
    throw new Error(`an array of the shape [${sizes.join(', ')}] with ${bytes.byteLength} bytes; expected ${length}`);
  return { dtype, shape: sizes as number[], bytes };
}
