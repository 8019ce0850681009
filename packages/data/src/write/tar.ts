/** Tar files in webdataset's layout, as img2dataset writes it. */
import type { Value } from '../arrow/column.ts';
import type { EncodedImage, Feature, Features } from '../arrow/features.ts';
import type { Row } from '../format/shard.ts';
import { imageEndings } from '../format/tar-columns.ts';
import { type ImageFormat, imageFormat } from '../image/format.ts';
import { FileSink } from './file-sink.ts';
import { createFilesWriter, type RowFile } from './files-writer.ts';
import type { WriteFormat } from './row-writer.ts';
import { tarEnd, tarMember } from './tar-header.ts';
import { planTar, type TarPlace, type TarPlan } from './tar-layout.ts';

/** The ending of a picture's file. Netpbm's reader does not tell its kinds apart by name. */
const endings: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'jpg',
  png: 'png',
  gif: 'gif',
  webp: 'webp',
  tiff: 'tif',
  avif: 'avif',
  heic: 'heic',
  bmp: 'bmp',
  netpbm: 'ppm',
  svg: 'svg',
};

/** The ending by the picture's bytes; where they are of no known format, that of its name. */
function imageEnding({ bytes, path }: EncodedImage): string {
  const format = bytes === null ? null : imageFormat(bytes);
  const own = /\.(\w+)$/.exec(path ?? '')?.[1]?.toLowerCase() ?? '';
  return format === null ? (imageEndings.has(own) ? own : 'jpg') : endings[format];
}

const encoder = new TextEncoder();

/**
 * A value in the notation of JSON. Integers have all their digits, and floats a point, by which programs tell them from integers.
 *
 * @throws for numbers that JSON does not have
 */
function toJson(f: Feature, value: Value, at: string): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new Error(
        `${at} is ${value}, which JSON cannot hold; choose the other columns with --columns, or another format`,
      );
    const isFloat = f.type === 'value' && f.dtype.startsWith('float');
    return isFloat && Number.isInteger(value) && Math.abs(value) < 1e21 ? value.toFixed(1) : String(value);
  }
  if (Array.isArray(value) && f.type === 'list')
    return `[${value.map((element, k) => toJson(f.feature, element, `${at}[${k}]`)).join(', ')}]`;
  if (typeof value === 'object' && value !== null && f.type === 'struct')
    return `{${Object.entries(f.members)
      .map(([name, own]) => {
        const member = (value as Readonly<Record<string, Value>>)[name] ?? null;
        return `${JSON.stringify(name)}: ${toJson(own, member, `${at}.${name}`)}`;
      })
      .join(', ')}}`;
  return JSON.stringify(value);
}

class TarFile implements RowFile {
  readonly #sink: FileSink;
  readonly #places: readonly (readonly [column: string, place: TarPlace])[];
  readonly #features: Features;
  readonly #number: number;
  #rows = 0;
  #lastKey = '';

  constructor(path: string, number: number, plan: TarPlan) {
    this.#sink = new FileSink(path);
    this.#number = number;
    this.#features = plan.features;
    this.#places = Object.entries(plan.places);
  }

  get bytes(): number {
    return this.#sink.bytes;
  }

  write(row: Row): void {
    const key = this.#keyOf(row);
    const fields: string[] = [];
    let members = 0;
    const add = (ending: string, content: Uint8Array): void => {
      for (const part of tarMember(`${key}.${ending}`, content)) this.#sink.write(part);
      members++;
    };
    const hasFields = this.#places.some(([, { kind }]) => kind === 'json');
    for (const [column, place] of this.#places) {
      const value = row[column] ?? null;
      if (place.kind === 'json') {
        const json = toJson(this.#features[column] as Feature, value, `column "${column}"`);
        fields.push(`${JSON.stringify(column)}: ${json}`);
      } else if (value !== null) this.#addMember(place, value, add);
    }
    // A row without any member would be none.
    if (hasFields || members === 0) add('json', encoder.encode(`{${fields.join(', ')}}`));
    this.#rows++;
  }

  #addMember(place: TarPlace, value: Value, add: (ending: string, content: Uint8Array) => void): void {
    switch (place.kind) {
      case 'image': {
        const image = value instanceof Uint8Array ? { bytes: value, path: null } : (value as unknown as EncodedImage);
        if (image.bytes === null) return;
        add(`${place.ending === null ? '' : `${place.ending}.`}${imageEnding(image)}`, image.bytes);
        return;
      }
      case 'text':
        add('txt', encoder.encode(value as string));
        return;
      case 'class':
        add('cls', encoder.encode(String(value)));
        return;
      case 'binary':
        add(place.ending, value as Uint8Array);
        return;
      case 'key':
      case 'json':
        return;
      default:
        place satisfies never;
    }
  }

  /** The row's name in the column of names; otherwise the numbers of the file and of the row, as img2dataset makes it. */
  #keyOf(row: Row): string {
    const column = this.#places.find(([, { kind }]) => kind === 'key')?.[0];
    const own = column === undefined ? null : row[column];
    const key =
      typeof own === 'string' && own !== ''
        ? own
        : `${String(this.#number).padStart(5, '0')}${String(this.#rows).padStart(4, '0')}`;
    if (!/^([^/]+\/)*[^./]+$/.test(key) || key === this.#lastKey)
      throw new Error(
        `the name ${JSON.stringify(key)} in column "${column}" ${key === this.#lastKey ? 'is that of the row before' : 'has a dot, or is not a path'}, so webdataset would not see it as one row; leave the column out with --columns, and rows are numbered`,
      );
    this.#lastKey = key;
    return key;
  }

  close(): void {
    try {
      this.#sink.write(tarEnd(this.#sink.bytes));
      this.#sink.close(true);
    } finally {
      this.#sink.close(false);
    }
  }

  abandon(): void {
    this.#sink.close(false);
  }
}

const ending = '.tar';

export const tarWriting: WriteFormat = {
  title: 'tar (webdataset)',
  fileEnding: ending,
  hasRowGroups: false,
  plan: planTar,
  create(target, options) {
    const plan = planTar(options.features);
    return createFilesWriter(target, ending, options, {
      emptyFiles: false,
      open: (path, number) => new TarFile(path, number, plan),
    });
  },
};
