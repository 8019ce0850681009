/** The Arrow schema of a stream of tokens. */
import { type ArrowSchema, describeSchema } from '@tessera/data/arrow';
import { Bool, type DataType, Field, FixedSizeList, Float16, Float32, Int32, Schema, Uint16, Utf8 } from 'apache-arrow';
import { type HandOffDType, HandOffError, type HandOffHeader, headerKey } from './header.ts';

/** The Arrow types of tokens. Arrow has no bfloat16; its bit patterns are stored as uint16, as the header's dtype says. */
const tokenTypes = {
  f32: () => new Float32(),
  f16: () => new Float16(),
  bf16: () => new Uint16(),
} as const satisfies Record<HandOffDType, () => DataType>;

/** A column with one tensor per row: Arrow's canonical extension `arrow.fixed_shape_tensor`, which pyarrow reads as NumPy arrays. */
function tensorField(name: string, type: DataType, shape: readonly number[]): Field {
  const size = shape.reduce((product, n) => product * n, 1);
  const metadata = new Map([
    ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
    ['ARROW:extension:metadata', JSON.stringify({ shape })],
  ]);
  return new Field(name, new FixedSizeList(size, new Field('item', type, false)), false, metadata);
}

/** The tensor columns of a stream, each with the number of elements per row. */
export function tensorColumns(header: HandOffHeader): readonly { readonly field: Field; readonly elements: number }[] {
  const { tokens, width, dtype, layout, mask } = header;
  const column = (name: string, type: DataType, ...shape: number[]) => ({
    field: tensorField(name, type, shape),
    elements: shape.reduce((product, n) => product * n, 1),
  });
  return [
    column('tokens', tokenTypes[dtype](), tokens, width),
    ...(mask ? [column('mask', new Bool(), tokens)] : []),
    ...(layout === 'packed'
      ? [column('image', new Int32(), tokens), column('coordinates', new Int32(), tokens, 2)]
      : []),
  ];
}

/** The schema of a stream: a column for each tensor, then the names of the sequences. */
export function schemaOf(header: HandOffHeader): Schema {
  const fields = [...tensorColumns(header).map(({ field }) => field), new Field('id', new Utf8(), false)];
  return new Schema(fields, new Map([[headerKey, JSON.stringify(header)]]));
}

const describe = (schema: Schema): string => schema.fields.map(({ name, type }) => `${name}: ${type}`).join(', ');

/** @throws HandOffError if the columns differ from those that the header announces */
export function checkSchema(received: ArrowSchema, header: HandOffHeader): void {
  const [found, expected] = [describeSchema(received), describe(schemaOf(header))];
  if (found !== expected)
    throw new HandOffError(`has the columns ${found.slice(0, 500)}; its header announces ${expected}`);
}
