/** The schema of an Arrow file: its columns with their types, decoded from the message's FlatBuffer with every count checked. */
import { Endianness } from 'apache-arrow/fb/endianness';
import type { Field as FlatField } from 'apache-arrow/fb/field';
import { FixedSizeBinary as FlatFixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FixedSizeList as FlatFixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { FloatingPoint as FlatFloat } from 'apache-arrow/fb/floating-point';
import { Int as FlatInt } from 'apache-arrow/fb/int';
import type { Schema as FlatSchema } from 'apache-arrow/fb/schema';
import { Type } from 'apache-arrow/fb/type';
import { Union as FlatUnion } from 'apache-arrow/fb/union';
import { UnionMode } from 'apache-arrow/fb/union-mode';

/** Arrow's types, and `Dictionary` for columns that store the positions of their values in a dictionary. */
export type ArrowKind = Exclude<keyof typeof Type, 'NONE'> | 'Dictionary';

/** The type of a column, as far as reading needs it. */
export interface ArrowType {
  readonly kind: ArrowKind;
  /** For error messages: `Int32`, `List<Utf8>`. */
  readonly name: string;
  /** For Int, FloatingPoint: bits of a value. FixedSizeBinary: bytes of a value. FixedSizeList: elements of a list. Otherwise 0. */
  readonly width: number;
  /** For Int: whether it has a sign. */
  readonly signed: boolean;
  /** For Union: whether it stores offsets. */
  readonly dense: boolean;
  readonly children: readonly ArrowField[];
  /** For Dictionary: where the values are. Otherwise null. */
  readonly dictionary: { readonly id: string; readonly index: ArrowType; readonly values: ArrowType } | null;
}

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
}

export interface ArrowSchema {
  readonly fields: readonly ArrowField[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly bigEndian: boolean;
}

/** Deeper types do not occur; a damaged file can refer to itself. */
const deepest = 32;

const plain = { width: 0, signed: false, dense: false, children: [], dictionary: null } as const;

/** Decodes a schema. @throws for one that is damaged */
export function decodeSchema(schema: FlatSchema, headerBytes: number): ArrowSchema {
  const count = new Budget(headerBytes);
  const endianness = schema.endianness();
  if (endianness !== Endianness.Little && endianness !== Endianness.Big)
    throw new Error(`unknown byte order ${endianness}`);
  count.spend(schema.fieldsLength());
  count.spend(schema.customMetadataLength());
  const fields = Array.from({ length: schema.fieldsLength() }, (_, i) => decodeField(schema.fields(i), count, 0));
  const metadata = new Map<string, string>();
  for (let i = 0; i < schema.customMetadataLength(); i++) {
    const entry = schema.customMetadata(i);
    metadata.set(entry?.key() ?? '', entry?.value() ?? '');
  }
  return { fields, metadata, bigEndian: endianness === Endianness.Big };
}

/** Each element of a vector takes at least 4 bytes, so a header has no more of them. Ends loops over damaged counts before they start. */
class Budget {
  #left: number;
  constructor(headerBytes: number) {
    this.#left = headerBytes / 4;
  }
  spend(count: number): void {
    this.#left -= count;
    // A damaged count can be negative, and would make room for another one.
    if (!(count >= 0 && this.#left >= 0)) throw new Error('impossible counts in the schema');
  }
}

function decodeField(field: FlatField | null, count: Budget, depth: number): ArrowField {
  if (field === null) throw new Error('a field without content');
  if (depth > deepest) throw new Error(`types nested more than ${deepest} deep`);
  count.spend(1);
  count.spend(field.childrenLength());
  const children = Array.from({ length: field.childrenLength() }, (_, i) =>
    decodeField(field.children(i), count, depth + 1),
  );
  const name = field.name() ?? '';
  const values = decodeType(field, children);
  const encoding = field.dictionary();
  if (encoding === null) return { name, type: values };
  const stored = encoding.indexType();
  const index = stored === null ? intType(32, true) : intType(stored.bitWidth(), stored.isSigned());
  return {
    name,
    type: {
      ...plain,
      kind: 'Dictionary',
      name: `Dictionary<${index.name}, ${values.name}>`,
      dictionary: { id: String(encoding.id()), index, values },
    },
  };
}

function intType(width: number, signed: boolean): ArrowType {
  if (![8, 16, 32, 64].includes(width)) throw new Error(`integers of ${width} bits`);
  return { ...plain, kind: 'Int', name: `${signed ? 'Int' : 'Uint'}${width}`, width, signed };
}

const floatWidths = [16, 32, 64] as const;

function decodeType(field: FlatField, children: readonly ArrowField[]): ArrowType {
  const kind = Type[field.typeType()] as keyof typeof Type | undefined;
  if (kind === undefined || kind === 'NONE') throw new Error(`unknown column type ${field.typeType()}`);
  const elements = children.map(({ type }) => type.name).join(', ');
  switch (kind) {
    case 'Int': {
      const int = field.type(new FlatInt()) as FlatInt | null;
      return intType(int?.bitWidth() ?? 0, int?.isSigned() ?? false);
    }
    case 'FloatingPoint': {
      const width = floatWidths[(field.type(new FlatFloat()) as FlatFloat | null)?.precision() ?? 0];
      if (width === undefined) throw new Error('a floating point type of unknown precision');
      return { ...plain, kind, name: `Float${width}`, width };
    }
    case 'FixedSizeBinary': {
      const width = (field.type(new FlatFixedSizeBinary()) as FlatFixedSizeBinary | null)?.byteWidth() ?? 0;
      return { ...plain, kind, name: `FixedSizeBinary[${width}]`, width: nonNegative(width) };
    }
    case 'FixedSizeList': {
      const width = (field.type(new FlatFixedSizeList()) as FlatFixedSizeList | null)?.listSize() ?? 0;
      return { ...plain, kind, name: `FixedSizeList[${width}]<${elements}>`, width: nonNegative(width), children };
    }
    case 'Union': {
      const dense = (field.type(new FlatUnion()) as FlatUnion | null)?.mode() === UnionMode.Dense;
      return { ...plain, kind, name: `Union<${elements}>`, dense, children };
    }
    case 'Struct_': {
      const members = children.map(({ name, type }) => `${name}: ${type.name}`).join(', ');
      return { ...plain, kind, name: `Struct<{${members}}>`, children };
    }
    default:
      return { ...plain, kind, name: elements === '' ? kind : `${kind}<${elements}>`, children };
  }
}

function nonNegative(size: number): number {
  if (size < 0) throw new Error(`a fixed size of ${size}`);
  return size;
}

/** The columns with their types, to compare schemas and to name them. */
export const describeSchema = ({ fields }: ArrowSchema): string =>
  fields.map(({ name, type }) => `${name}: ${type.name}`).join(', ');
