import { Bool, type DataType, Field, FixedSizeList, Float16, Float32, Int32, Schema, Uint16, Utf8 } from 'apache-arrow';
import { type HandOffDType, HandOffError, type HandOffHeader, headerKey } from './header.ts';

/** How tokens are stored. Arrow has no bfloat16: its bit patterns travel as uint16, and the header says so. */
const tokenTypes = {
  f32: () => new Float32(),
  f16: () => new Float16(),
  bf16: () => new Uint16(),
} as const satisfies Record<HandOffDType, () => DataType>;

/** One tensor a row: Arrow's canonical extension `arrow.fixed_shape_tensor`, which pyarrow reads as a NumPy array. */
function tensorField(name: string, type: DataType, shape: readonly number[]): Field {
  const size = shape.reduce((product, n) => product * n, 1);
  const metadata = new Map([
    ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
    ['ARROW:extension:metadata', JSON.stringify({ shape })],
  ]);
  return new Field(name, new FixedSizeList(size, new Field('item', type, false)), false, metadata);
}

/** Tensor columns of a hand-off, and the elements that a row has of each. */
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

/** The stream's schema: a column for each tensor, then the names of the sequences. */
export function schemaOf(header: HandOffHeader): Schema {
  const fields = [...tensorColumns(header).map(({ field }) => field), new Field('id', new Utf8(), false)];
  return new Schema(fields, new Map([[headerKey, JSON.stringify(header)]]));
}

const describe = (schema: Schema): string => schema.fields.map(({ name, type }) => `${name}: ${type}`).join(', ');

/** @throws HandOffError where the columns are not those that the header promises */
export function checkSchema(received: Schema, header: HandOffHeader): void {
  const [found, expected] = [describe(received), describe(schemaOf(header))];
  if (found !== expected)
    throw new HandOffError(`has the columns ${found.slice(0, 500)}; its header promises ${expected}`);
}
