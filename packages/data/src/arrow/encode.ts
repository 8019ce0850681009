/** Checks of the values that are written to a dataset. */
import type { Value } from './column.ts';
import type { Feature, ValueDtype } from './features.ts';

/** The values that a scalar feature accepts. Integer bounds are inclusive. */
type Kind = 'string' | 'binary' | 'bool' | 'float' | [low: bigint, high: bigint];

const signed = (bits: number): Kind => [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
const unsigned = (bits: number): Kind => [0n, 2n ** BigInt(bits) - 1n];

const kinds: Record<ValueDtype, Kind> = {
  string: 'string',
  large_string: 'string',
  binary: 'binary',
  large_binary: 'binary',
  bool: 'bool',
  float16: 'float',
  float32: 'float',
  float64: 'float',
  int8: signed(8),
  int16: signed(16),
  int32: signed(32),
  int64: signed(64),
  uint8: unsigned(8),
  uint16: unsigned(16),
  uint32: unsigned(32),
  uint64: unsigned(64),
};

const describe = (value: unknown): string => {
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
};

/**
 * Checks a value against its feature and converts it to the form that the Arrow builders take: 64-bit integers as bigint, class
 * names as their numbers, undefined as null.
 *
 * @param at where the value belongs, for the error message
 * @throws if the value does not fit the feature
 */
export function checkValue(feature: Feature, value: unknown, at: string): Value {
  if (value === null || value === undefined) return null;
  const refuse = (expected: string): never => {
    throw new Error(`${at}: expected ${expected}, found ${describe(value)}`);
  };
  switch (feature.type) {
    case 'image': {
      if (value instanceof Uint8Array) return { bytes: value, path: null };
      const image = value as { bytes?: unknown; path?: unknown };
      const bytesFit = image.bytes === null || image.bytes === undefined || image.bytes instanceof Uint8Array;
      const pathFits = image.path === null || image.path === undefined || typeof image.path === 'string';
      if (typeof value !== 'object' || !bytesFit || !pathFits) refuse('an image: its bytes, or { bytes, path }');
      return {
        bytes: (image.bytes as Uint8Array | undefined) ?? null,
        path: (image.path as string | undefined) ?? null,
      };
    }
    case 'class': {
      const index = typeof value === 'string' ? feature.names.indexOf(value) : Number(value);
      // -1 means "no label", as in the unlabeled test sets of Hugging Face `datasets`.
      const named = typeof value !== 'string' || index >= 0;
      if (!named || !Number.isInteger(index) || index < -1 || index >= feature.names.length) {
        refuse(`one of ${feature.names.length} classes (${feature.names.slice(0, 8).join(', ')}...) or its number`);
      }
      return BigInt(index);
    }
    case 'value':
      return checkScalar(feature.dtype, value, refuse);
    case 'list': {
      if (!Array.isArray(value)) return refuse('a list');
      return value.map((element, i) => checkValue(feature.feature, element, `${at}[${i}]`));
    }
    case 'struct': {
      if (typeof value !== 'object') return refuse('an object');
      const members = value as Record<string, unknown>;
      return Object.fromEntries(
        Object.entries(feature.members).map(([name, f]) => [name, checkValue(f, members[name], `${at}.${name}`)]),
      );
    }
    case 'other':
      return refuse(`nothing: columns of type ${feature.dtype} cannot be written`);
    default:
      return feature satisfies never;
  }
}

function checkScalar(dtype: ValueDtype, value: unknown, refuse: (expected: string) => never): Value {
  const kind = kinds[dtype];
  if (kind === 'string') return typeof value === 'string' ? value : refuse('a string');
  if (kind === 'binary') return value instanceof Uint8Array ? value : refuse('bytes');
  if (kind === 'bool') return typeof value === 'boolean' ? value : refuse('true or false');
  if (kind === 'float') return typeof value === 'number' ? value : refuse('a number');
  const [low, high] = kind;
  const integral = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (!integral || BigInt(value as number) < low || BigInt(value as number) > high) {
    return refuse(`an integer of type ${dtype}`);
  }
  return dtype.endsWith('64') ? BigInt(value as number) : Number(value);
}

/** The approximate size of a value in a record batch, in bytes. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  if (Array.isArray(value)) return value.reduce<number>((sum, element) => sum + sizeOf(element), 8);
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).reduce<number>((sum, element) => sum + sizeOf(element), 8);
  }
  return 8;
}
