/** The column types of datasets (features), and their conversion from and to Arrow types and Hugging Face's JSON. */
import {
  Binary,
  Bool,
  type DataType,
  Field,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  List,
  Struct,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import type { ArrowKind, ArrowType } from './schema.ts';

/** An encoded image (PNG, JPEG, ...): `struct<bytes: binary, path: string>` in Arrow. */
export interface ImageFeature {
  type: 'image';
}

/** A class index with the names of the classes: int64 in Arrow. */
export interface ClassLabelFeature {
  type: 'class';
  names: string[];
}

/** A scalar. `dtype` is Hugging Face's name of its type. */
export interface ValueFeature {
  type: 'value';
  dtype: ValueDtype;
}

/** A list of any length whose elements have the same feature. */
export interface ListFeature {
  type: 'list';
  feature: Feature;
}

/** Named members, each with its own feature. */
export interface StructFeature {
  type: 'struct';
  members: Features;
}

/** A column whose values are not read, for instance a time. It matters only if somebody asks for it. */
interface OtherFeature {
  type: 'other';
  /** Its type, as the file names it. */
  dtype: string;
}

export type Feature = ImageFeature | ClassLabelFeature | ValueFeature | ListFeature | StructFeature | OtherFeature;

/** The columns of a dataset, in order. */
export type Features = Record<string, Feature>;

/** A stored image: the encoded file and its original name. */
export interface EncodedImage {
  bytes: Uint8Array | null;
  path: string | null;
}

const valueTypes = {
  string: () => new Utf8(),
  large_string: () => new LargeUtf8(),
  binary: () => new Binary(),
  large_binary: () => new LargeBinary(),
  bool: () => new Bool(),
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  int64: () => new Int64(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  uint64: () => new Uint64(),
  float16: () => new Float16(),
  float32: () => new Float32(),
  float64: () => new Float64(),
} satisfies Record<string, () => DataType>;

export type ValueDtype = keyof typeof valueTypes;

/** Constructors of features. */
export const feature = {
  image: (): ImageFeature => ({ type: 'image' }),
  classLabel: (names: readonly string[]): ClassLabelFeature => ({ type: 'class', names: [...names] }),
  value: (dtype: ValueDtype): ValueFeature => ({ type: 'value', dtype }),
  list: (element: Feature): ListFeature => ({ type: 'list', feature: element }),
  struct: (members: Features): StructFeature => ({ type: 'struct', members }),
};

/** The Arrow type that stores `f`. Struct members and list elements are nullable, as Hugging Face `datasets` requires. */
export function arrowType(f: Feature): DataType {
  switch (f.type) {
    case 'image':
      return new Struct([new Field('bytes', new Binary(), true), new Field('path', new Utf8(), true)]);
    case 'class':
      return new Int64();
    case 'value':
      return valueTypes[f.dtype]();
    case 'list':
      return new List(new Field('item', arrowType(f.feature), true));
    case 'struct':
      return new Struct(Object.entries(f.members).map(([name, member]) => new Field(name, arrowType(member), true)));
    case 'other':
      throw new Error(`columns of type ${f.dtype} cannot be written`);
    default:
      return f satisfies never;
  }
}

/** `f` as Hugging Face `datasets` writes it into dataset_info.json and the Arrow schema. */
function featureToJson(f: Feature): unknown {
  switch (f.type) {
    case 'image':
      return { _type: 'Image' };
    case 'class':
      return { names: f.names, _type: 'ClassLabel' };
    case 'value':
      return { dtype: f.dtype, _type: 'Value' };
    case 'list':
      return { feature: featureToJson(f.feature), _type: 'List' };
    case 'struct':
      return featuresToJson(f.members);
    case 'other':
      throw new Error(`columns of type ${f.dtype} cannot be written`);
    default:
      return f satisfies never;
  }
}

export function featuresToJson(features: Features): Record<string, unknown> {
  return Object.fromEntries(Object.entries(features).map(([name, f]) => [name, featureToJson(f)]));
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/**
 * Parses a feature as Hugging Face `datasets` writes it, including older spellings (`Sequence`, a one-element array).
 * @throws for a kind that is not supported; the message names it.
 */
export function featureFromJson(json: unknown, at = 'feature'): Feature {
  if (Array.isArray(json)) return feature.list(featureFromJson(json[0], `${at}[]`));
  if (!isObject(json)) throw new Error(`${at}: expected a feature, found ${JSON.stringify(json)}`);
  if (typeof json._type !== 'string') return { type: 'struct', members: featuresFromJson(json, at) };
  switch (json._type) {
    case 'Image':
      return feature.image();
    case 'ClassLabel':
      if (!Array.isArray(json.names)) throw new Error(`${at}: this ClassLabel has no names`);
      return feature.classLabel(json.names.map(String));
    case 'Value':
      if (typeof json.dtype !== 'string' || !(json.dtype in valueTypes)) {
        throw new Error(`${at}: values of type ${String(json.dtype)} are not supported`);
      }
      return feature.value(json.dtype as ValueDtype);
    case 'Sequence':
      return sequenceFromJson(json.feature, at);
    case 'List':
    case 'LargeList':
      return feature.list(featureFromJson(json.feature, `${at}[]`));
    default:
      throw new Error(`${at}: features of kind ${json._type} are not supported`);
  }
}

/** `Sequence` of named members is a struct of lists, unlike `List` and `[...]`, which are lists of structs. */
function sequenceFromJson(json: unknown, at: string): Feature {
  const element = featureFromJson(json, `${at}[]`);
  if (element.type !== 'struct') return feature.list(element);
  const lists = Object.entries(element.members).map(([name, member]) => [name, feature.list(member)]);
  return feature.struct(Object.fromEntries(lists));
}

function featuresFromJson(json: unknown, at = 'features'): Features {
  if (!isObject(json)) throw new Error(`${at}: expected an object of features`);
  return Object.fromEntries(Object.entries(json).map(([name, f]) => [name, featureFromJson(f, `${at}.${name}`)]));
}

/** The features of Arrow's types whose names differ from Hugging Face's. */
const inferredDtype: { [kind in ArrowKind]?: ValueDtype } = {
  Utf8: 'string',
  Utf8View: 'string',
  LargeUtf8: 'large_string',
  Binary: 'binary',
  BinaryView: 'binary',
  FixedSizeBinary: 'binary',
  LargeBinary: 'large_binary',
};

const listKinds: ReadonlySet<ArrowKind> = new Set(['List', 'LargeList', 'ListView', 'LargeListView', 'FixedSizeList']);

/** The feature of an Arrow type, for columns that Hugging Face's metadata does not describe. */
export function inferFeature(type: ArrowType): Feature {
  const { kind, name, children, dictionary } = type;
  const other: OtherFeature = { type: 'other', dtype: name };
  if (dictionary !== null) {
    const values = inferFeature(dictionary.values);
    return values.type === 'other' ? other : values;
  }
  const dtype = inferredDtype[kind] ?? name.toLowerCase();
  if (dtype in valueTypes) return feature.value(dtype as ValueDtype);
  if (listKinds.has(kind)) {
    const element = children[0] && inferFeature(children[0].type);
    return element === undefined || element.type === 'other' ? other : feature.list(element);
  }
  if (kind !== 'Struct_') return other;
  const members = Object.fromEntries(children.map((child) => [child.name, inferFeature(child.type)]));
  return structFeature(members, name);
}

/** The feature of a struct: an image if it has its members. */
export function structFeature(members: Features, name: string): Feature {
  const names = Object.keys(members);
  if (names.length === 2 && names.includes('bytes') && names.includes('path')) return feature.image();
  const unread = Object.values(members).some(({ type }) => type === 'other');
  return unread ? { type: 'other', dtype: name } : { type: 'struct', members };
}

/** The beginning of the types of values of JSON that tell no feature by themselves, but that any declared one can have. */
export const jsonDtype = 'JSON';

/**
 * The features that Hugging Face's metadata declares, and for the columns that it does not describe in a way that is read here, those of
 * the file's own types.
 *
 * @param metadata the text under the key `huggingface`
 * @param own the features by the file's own types
 * @throws for a text that is not JSON
 */
export function declaredFeatures(own: Features, metadata: string | undefined, info?: unknown): Features {
  let declared: unknown = info;
  if (metadata !== undefined) {
    const parsed = JSON.parse(metadata) as { info?: { features?: unknown } } | null;
    declared = parsed?.info?.features ?? declared;
  }
  if (!isObject(declared)) return own;
  return Object.fromEntries(
    Object.entries(own).map(([name, inferred]) => {
      const json = declared[name];
      const isJson = inferred.type === 'other' && inferred.dtype.startsWith(jsonDtype);
      if (json === undefined || (inferred.type === 'other' && !isJson)) return [name, inferred];
      try {
        const found = featureFromJson(json);
        return [name, isJson || fitsStorage(found, inferred) ? found : inferred];
      } catch {
        // A kind of feature that is not read, for instance Array2D: its storage is.
        return [name, inferred];
      }
    }),
  );
}

/** Whether values stored as `stored` can be what a declaration says. */
function fitsStorage(declared: Feature, stored: Feature): boolean {
  switch (declared.type) {
    case 'image':
      return stored.type === 'image' || isBinary(stored);
    case 'class':
      return stored.type === 'class' || (stored.type === 'value' && /^u?int/.test(stored.dtype));
    case 'list':
      return stored.type === 'list' && fitsStorage(declared.feature, stored.feature);
    case 'struct':
      return stored.type === 'image' || (stored.type === 'struct' && fitsMembers(declared.members, stored.members));
    default:
      return stored.type === declared.type;
  }
}

/** Whether the members are the same, whatever their order. */
function fitsMembers(declared: Features, stored: Features): boolean {
  const names = Object.keys(declared);
  return (
    names.length === Object.keys(stored).length &&
    names.every((name) => stored[name] !== undefined && fitsStorage(declared[name] as Feature, stored[name]))
  );
}

export const isBinary = (f: Feature): boolean =>
  f.type === 'value' && (f.dtype === 'binary' || f.dtype === 'large_binary');
