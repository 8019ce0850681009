/** The columns of webdataset samples: what the members of a sample are, by the endings of their names. */
import type { Value } from '../arrow/column.ts';
import { type Feature, type Features, feature } from '../arrow/features.ts';
import { jsonFeature } from './json-feature.ts';
import type { Row } from './shard.ts';

/** The members of a sample, by their endings: `jpg`, `txt`, `seg.png`. */
export type SampleMembers = ReadonlyMap<string, { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }>;

export const imageEndings: ReadonlySet<string> = new Set(
  'jpg jpeg png webp gif bmp tif tiff avif heic jfif ppm pgm pbm svg'.split(' '),
);

type MemberKind = 'image' | 'text' | 'class' | 'json' | 'binary';

function kindOf(ending: string): MemberKind {
  const last = ending.slice(ending.lastIndexOf('.') + 1);
  if (imageEndings.has(last)) return 'image';
  if (last === 'txt' || last === 'text' || last === 'caption') return 'text';
  if (last === 'cls' || last === 'cls2') return 'class';
  return last === 'json' ? 'json' : 'binary';
}

/** The usual column of the kinds of which a sample has one. */
const usualName = { image: 'image', text: 'caption', class: 'label', json: null, binary: null } as const;

/** The column of the sample's name. */
export const keyColumn = '__key__';

/** Where a column's values are: in a member, or in a field of a member. */
interface ColumnSource {
  readonly kind: MemberKind;
  /** The endings of the members that can hold it. Several only for images, which may differ from sample to sample. */
  readonly endings: readonly string[];
  readonly field?: string;
}

export type TarColumns = ReadonlyMap<string, ColumnSource>;

const utf8 = new TextDecoder();

/** The fields of a JSON member; none if it is damaged, so that its row counts as one that cannot be used. */
function fieldsOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(utf8.decode(bytes));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The columns and features of a tar file, from its first samples. */
export function tarColumns(samples: readonly SampleMembers[]): { columns: TarColumns; features: Features } {
  const columns = new Map<string, ColumnSource>();
  const add = (name: string, source: ColumnSource): void => {
    const found = columns.get(name);
    if (found === undefined) columns.set(name, source);
    else if (source.kind === 'image' && found.kind === 'image')
      columns.set(name, { kind: 'image', endings: [...new Set([...found.endings, ...source.endings])] });
  };
  const jsonEndings = new Set<string>();
  for (const sample of samples) {
    for (const ending of sample.keys()) {
      const kind = kindOf(ending);
      if (kind === 'json') jsonEndings.add(ending);
      else add((ending.includes('.') ? null : usualName[kind]) ?? ending, { kind, endings: [ending] });
    }
  }
  const taken = new Set(columns.keys());
  for (const ending of jsonEndings)
    for (const sample of samples)
      for (const field of Object.keys(fieldsOf(sample.get(ending)?.bytes ?? new Uint8Array()))) {
        const plain = ending === 'json' && !taken.has(field) && field !== keyColumn;
        add(plain ? field : `${ending}.${field}`, { kind: 'json', endings: [ending], field });
      }
  const features: Features = { [keyColumn]: feature.value('string') };
  for (const [name, source] of columns) features[name] = featureOf(source, samples);
  return { columns, features };
}

function featureOf(source: ColumnSource, samples: readonly SampleMembers[]): Feature {
  switch (source.kind) {
    case 'image':
      return feature.image();
    case 'text':
      return feature.value('string');
    case 'binary':
      return feature.value('binary');
    default:
      return jsonFeature(samples.map((sample) => readColumn(source, sample)).filter((value) => value !== null));
  }
}

function readColumn({ kind, endings, field = '' }: ColumnSource, sample: SampleMembers): Value {
  const ending = endings.find((each) => sample.has(each));
  const member = ending === undefined ? undefined : sample.get(ending);
  if (member === undefined) return null;
  const { name, bytes } = member;
  switch (kind) {
    case 'image':
      return { bytes, path: name };
    case 'text':
      return utf8.decode(bytes);
    case 'class': {
      const text = utf8.decode(bytes).trim();
      return /^-?\d+$/.test(text) ? Number(text) : text;
    }
    case 'json':
      return (fieldsOf(bytes)[field] ?? null) as Value;
    case 'binary':
      return bytes;
    default:
      return kind satisfies never;
  }
}

/** The endings of the members that some columns need. */
export const endingsOf = (columns: TarColumns, wanted: readonly string[]): ReadonlySet<string> =>
  new Set(wanted.flatMap((name) => columns.get(name)?.endings ?? []));

/** The row of a sample. */
export function readSample(columns: TarColumns, wanted: readonly string[], key: string, sample: SampleMembers): Row {
  const row: Row = {};
  for (const name of wanted) {
    const source = columns.get(name);
    row[name] = name === keyColumn ? key : source === undefined ? null : readColumn(source, sample);
  }
  return row;
}
