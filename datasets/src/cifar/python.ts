/** CIFAR's versions for Python: pickled dicts with an array of pixels and lists of labels. They are read without running code. */
import { errorMessage } from '@tessera/data/io';
import { numpyRules, type PickleValue, readNumpyArray, unpickle } from '@tessera/data/pickle';

/** The bytes of the pixels of a batch, row by row, and its labels by their names in the file. */
export interface PythonBatch {
  readonly pixels: Uint8Array;
  readonly rows: number;
  readonly labels: Readonly<Record<string, readonly number[]>>;
}

const ascii = new TextDecoder('latin1');

const textOf = (value: PickleValue | undefined): string | null =>
  typeof value === 'string' ? value : value instanceof Uint8Array ? ascii.decode(value) : null;

/** A pickled dict by its keys, which are bytes in the published files. @throws where it is another value */
function readDict(bytes: Uint8Array): Map<string, PickleValue> {
  const { value } = unpickle(bytes, numpyRules);
  if (!(value instanceof Map)) throw new Error('expected a dict');
  return new Map([...value].map(([key, content]) => [textOf(key) ?? '', content]));
}

/** @throws where the file is damaged or has another form; the message names it */
function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${where}: is not a pickle of CIFAR (${errorMessage(error)})`);
  }
}

/** The names of the classes under a key of the file `meta`. */
export const readPythonNames = (where: string, bytes: Uint8Array, key: string): string[] =>
  located(where, () => {
    const names = readDict(bytes).get(key);
    const texts = Array.isArray(names) ? names.map(textOf) : [null];
    if (texts.includes(null)) throw new Error(`expected a list of names under ${key}`);
    return texts as string[];
  });

/** @param keys of the lists of labels @param length of a row in bytes */
export const readPythonBatch = (
  where: string,
  bytes: Uint8Array,
  keys: readonly string[],
  length: number,
): PythonBatch =>
  located(where, () => {
    const content = readDict(bytes);
    const { dtype, shape, bytes: pixels } = readNumpyArray(content.get('data') ?? null);
    const [rows = 0, columns = 0] = shape;
    if (dtype !== 'u1' || shape.length !== 2 || columns !== length)
      throw new Error(
        `has data of the type ${dtype} and shape [${shape.join(', ')}]; expected u1 and [rows, ${length}]`,
      );
    const labels = keys.map((key) => {
      const list = content.get(key);
      if (!Array.isArray(list) || list.length !== rows || !list.every((label) => Number.isInteger(label)))
        throw new Error(`expected a list of ${rows} integers under ${key}`);
      return [key, list as number[]] as const;
    });
    return { pixels, rows, labels: Object.fromEntries(labels) };
  });
