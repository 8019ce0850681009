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
  Type,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';

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

export type Feature = ImageFeature | ClassLabelFeature | ValueFeature | ListFeature | StructFeature;

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
    case 'List':
    case 'LargeList':
    case 'Sequence':
      return feature.list(featureFromJson(json.feature, `${at}[]`));
    default:
      throw new Error(`${at}: features of kind ${json._type} are not supported`);
  }
}

export function featuresFromJson(json: unknown, at = 'features'): Features {
  if (!isObject(json)) throw new Error(`${at}: expected an object of features`);
  return Object.fromEntries(Object.entries(json).map(([name, f]) => [name, featureFromJson(f, `${at}.${name}`)]));
}

const inferredDtype: { [type in Type]?: ValueDtype } = {
  [Type.Utf8]: 'string',
  [Type.LargeUtf8]: 'large_string',
  [Type.Binary]: 'binary',
  [Type.LargeBinary]: 'large_binary',
  [Type.Bool]: 'bool',
};

/** The feature of an Arrow type, for schemas without Hugging Face metadata; null if no feature fits. */
export function inferFeature(type: DataType): Feature | null {
  const dtype = inferredDtype[type.typeId] ?? type.toString().toLowerCase();
  if (dtype in valueTypes) return feature.value(dtype as ValueDtype);
  const children = (type.children ?? []) as Field[];
  if (type.typeId === Type.List || type.typeId === Type.FixedSizeList) {
    const element = children[0] && inferFeature(children[0].type);
    return element ? feature.list(element) : null;
  }
  if (type.typeId === Type.Struct) {
    const names = children.map((child) => child.name);
    if (names.length === 2 && names.includes('bytes') && names.includes('path')) return feature.image();
    const members: Features = {};
    for (const child of children) {
      const member = inferFeature(child.type);
      if (!member) return null;
      members[child.name] = member;
    }
    return { type: 'struct', members };
  }
  return null;
}
