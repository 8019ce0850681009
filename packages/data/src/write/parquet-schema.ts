/** The Parquet schema of features, in the layout that Hugging Face `datasets` writes. Everything is optional, as it is there. */
import type { ParquetWriter } from 'hyparquet-writer';
import type { Feature, Features, ValueDtype } from '../arrow/features.ts';

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number];

type Physical = Omit<SchemaElement, 'name'>;

const values: Readonly<Record<ValueDtype, Physical>> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  large_string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  binary: { type: 'BYTE_ARRAY' },
  large_binary: { type: 'BYTE_ARRAY' },
  bool: { type: 'BOOLEAN' },
  int8: { type: 'INT32', converted_type: 'INT_8' },
  int16: { type: 'INT32', converted_type: 'INT_16' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  uint8: { type: 'INT32', converted_type: 'UINT_8' },
  uint16: { type: 'INT32', converted_type: 'UINT_16' },
  uint32: { type: 'INT32', converted_type: 'UINT_32' },
  uint64: { type: 'INT64', converted_type: 'UINT_64' },
  float16: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } },
  float32: { type: 'FLOAT' },
  float64: { type: 'DOUBLE' },
};

const text = values.string;
const optional = { repetition_type: 'OPTIONAL' } as const;

/** A column, and the elements inside of it, in the order of a depth-first walk. */
function elementsOf(name: string, f: Feature): SchemaElement[] {
  switch (f.type) {
    case 'value':
      return [{ name, ...optional, ...values[f.dtype] }];
    case 'class':
      return [{ name, ...optional, type: 'INT64' }];
    case 'image':
      return [
        { name, ...optional, num_children: 2 },
        { name: 'bytes', ...optional, ...values.binary },
        { name: 'path', ...optional, ...text },
      ];
    case 'list':
      return [
        { name, ...optional, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...elementsOf('element', f.feature),
      ];
    case 'struct':
      return [
        { name, ...optional, num_children: Object.keys(f.members).length },
        ...Object.entries(f.members).flatMap(([member, own]) => elementsOf(member, own)),
      ];
    case 'other':
      throw new Error(`column "${name}" of type ${f.dtype} cannot be written`);
    default:
      return f satisfies never;
  }
}

export const parquetSchemaOf = (features: Features): SchemaElement[] => [
  { name: 'schema', num_children: Object.keys(features).length },
  ...Object.entries(features).flatMap(([name, f]) => elementsOf(name, f)),
];
