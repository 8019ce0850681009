/** The columns of a dataset that a loader reads: how they are requested, found, and returned in a batch. */
import { type EncodedImage, type Feature, type Features, isBinary } from '../arrow/features.ts';
import { errorMessage } from '../io/file-system.ts';
import { objectClasses, type RowObjects, readObjects } from './objects.ts';
import { type CaptionChoice, hasTexts, hasWeightedTexts, type RowTexts, textGroups } from './texts.ts';

/** The values of a column in a batch, by the kind with which the column was requested. */
export interface ColumnValues {
  /** RGB pixels from 0 to 255: [size, imageSize, imageSize, 3]. */
  image: Uint8Array<ArrayBuffer>;
  texts: readonly RowTexts[];
  /** Class numbers; -1 for a row without a class, which only an optional column may have. */
  class: Int32Array;
  /** The numbers of the classes that each row belongs to, in ascending order. */
  classes: readonly (readonly number[])[];
  /** Integers; a row without one receives a negative number that no other row has. */
  integer: Int32Array;
  /** The objects of each row, placed in its picture. Without an image column, boxes in pixels, and 0 as width and height. */
  objects: readonly RowObjects[];
  /**
   * Class numbers of each row's pixels, [imageSize, imageSize]; 255 where its picture shows nothing of the stored image. Without an image
   * column, empty: rows without a mask are left out, but masks are not decoded.
   */
  mask: readonly Uint8Array[];
}

export type ColumnKind = keyof ColumnValues;

/** A request for a column. Plain data, so that it can be sent to a worker. */
export interface ColumnRequest<Kind extends ColumnKind = ColumnKind> {
  readonly kind: Kind;
  /** Usual names of the column, the most likely first. */
  readonly names: readonly string[];
  /** The column's name in this dataset. Null or undefined: one of the usual names. */
  readonly name?: string | null;
  /** Whether the column may be missing; its values are then null. */
  readonly optional?: boolean;
  /**
   * For classes: the names of the classes that the caller knows. The values are numbers in this list, whatever their order in the data set.
   * Default: the data set's own classes.
   */
  readonly classes?: readonly string[];
  /** For texts: which one is picked first. Default: `random` in shuffled epochs, otherwise `first`. */
  readonly choice?: CaptionChoice;
  /** For texts: how many are picked for each row and epoch. Default 1. */
  readonly count?: number;
  /** For texts of several columns: whether the column is drawn by the weights. Default: in shuffled epochs; otherwise the first with a text. */
  readonly weighted?: boolean;
}

/** The requested columns, each under its name in a batch. */
export type ColumnRequests = Readonly<Record<string, ColumnRequest>>;

/** The columns of a batch. */
export type BatchColumns<Requests extends ColumnRequests> = {
  readonly [Name in keyof Requests]:
    | ColumnValues[Requests[Name]['kind']]
    | (Requests[Name] extends { readonly optional: true } ? null : never);
};

/** The names of the columns in the dataset; null for a missing optional column. */
export type ColumnNames<Requests extends ColumnRequests> = { readonly [Name in keyof Requests]: string | null };

/** The usual columns of vision datasets. */
export const usualColumns = {
  image: { kind: 'image', names: ['image', 'img', 'picture'] },
  captions: { kind: 'texts', names: ['captions', 'caption', 'text', 'sentences', 'title'] },
  label: { kind: 'class', names: ['label', 'class', 'labels', 'fine_label'] },
  /** Rows with the same number show the same concept. */
  concept: { kind: 'integer', names: ['concept'] },
  /** All classes of a row. */
  tags: { kind: 'classes', names: ['tags', 'labels', 'classes', 'attributes'] },
  /** Boxes with classes. */
  objects: { kind: 'objects', names: ['objects', 'annotations', 'object'] },
  /** Images of class numbers. */
  mask: { kind: 'mask', names: ['mask', 'segmentation_mask', 'semantic_mask', 'annotation', 'label', 'seg.png'] },
} as const satisfies Record<string, ColumnRequest>;

/** Why a row cannot be used. */
export class Unusable {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

interface ColumnReader {
  fits(f: Feature): boolean;
  /** The expected kind of column, for error messages. */
  readonly expected: string;
  /** Converts the value of a row. */
  read(value: unknown, row: number, column: FoundColumn): unknown;
  /** Collects the values of a batch in the form of `ColumnValues`. */
  collate(values: readonly unknown[]): unknown;
}

const integerOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
const integers = (values: readonly unknown[]): Int32Array => Int32Array.from(values as readonly number[]);

/** Whether a cell has an image. */
const isThere = (value: unknown): boolean =>
  value instanceof Uint8Array ? value.byteLength > 0 : (value as EncodedImage | null)?.bytes != null;

/** How each kind of column is recognized and read. The sampler decodes images. */
export const columnReaders: Readonly<Record<ColumnKind, ColumnReader>> = {
  image: {
    fits: (f) => f.type === 'image' || isBinary(f),
    expected: 'an Image or binary column',
    read: (value) => value,
    collate: (values) => values,
  },
  texts: {
    fits: (f) => hasTexts(f) || hasWeightedTexts(f),
    expected: 'a string column or a list of strings',
    read(value) {
      const groups = textGroups(value);
      return groups.length > 0 ? groups : new Unusable('the caption is empty');
    },
    collate: (values) => values,
  },
  class: {
    fits: (f) => f.type === 'class',
    expected: 'a ClassLabel column',
    read(value, _, { numbers, optional = false }) {
      const number = numbers?.[integerOr(value, -1)];
      if (number !== undefined) return number;
      if (optional) return -1;
      // Data sets without labels for their test split often use -1.
      return new Unusable(
        typeof value !== 'number' || value < 0
          ? 'there is no label'
          : `the label is ${value}; there are ${numbers?.length} classes`,
      );
    },
    collate: integers,
  },
  classes: {
    fits: (f) => f.type === 'list' && f.feature.type === 'class',
    expected: 'a list of ClassLabel',
    read(value, _, { numbers }) {
      const known = (Array.isArray(value) ? value : []).map((each) => numbers?.[integerOr(each, -1)]);
      return [...new Set(known.filter((each) => each !== undefined))].sort((a, b) => a - b);
    },
    collate: (values) => values,
  },
  integer: {
    fits: (f) => f.type === 'class' || (f.type === 'value' && /^u?int/.test(f.dtype)),
    expected: 'an integer column',
    read: (value, row) => integerOr(value, -1 - row),
    collate: integers,
  },
  objects: {
    fits: (f) => objectClasses(f) !== null,
    expected: 'boxes (bbox) with ClassLabel categories, as a struct of lists or a list of structs',
    read(value, _, { numbers = [] }) {
      try {
        return readObjects(value, numbers);
      } catch (error) {
        return new Unusable(errorMessage(error));
      }
    },
    collate: (values) => values,
  },
  mask: {
    fits: (f) => f.type === 'image' || isBinary(f),
    expected: 'an Image column of class numbers',
    read: (value) => (isThere(value) ? value : new Unusable('there is no mask')),
    collate: (values) => values,
  },
};

/** A request with the name of its column. `numbers`: for classes, the caller's number of each of the data set's classes. */
export type FoundColumn = ColumnRequest & { readonly column: string; readonly numbers?: readonly number[] };

/** The names of the classes of a column: of a class label, a list of them, or objects; null where it has none. */
export function classNamesIn(f: Feature | undefined): readonly string[] | null {
  const feature = f?.type === 'list' ? f.feature : f;
  return feature?.type === 'class' ? feature.names : objectClasses(f);
}

/** The number in `wanted` of each of a column's classes. @throws where the caller does not know a class */
function classNumbers(f: Feature | undefined, wanted: readonly string[] | undefined, title: string): number[] {
  const names = classNamesIn(f) ?? [];
  if (wanted === undefined) return names.map((_, k) => k);
  const numbers = names.map((name) => wanted.indexOf(name));
  const unknown = names.filter((_, k) => numbers[k] === -1);
  if (unknown.length > 0)
    throw new Error(
      `${title} has ${unknown.length} of ${names.length} classes that the model does not know: ${shorten(unknown)}; the model's classes are ${shorten(wanted)}`,
    );
  return numbers;
}

const shorten = (names: readonly string[]): string =>
  names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')} and ${names.length - 10} more`;

/** The only image column, or the only binary column of a dataset without any. */
function onlyImage(features: Features, fitting: readonly string[]): string | null {
  const images = fitting.filter((name) => features[name]?.type === 'image');
  const [only, ...others] = images.length > 0 ? images : fitting;
  return others.length === 0 ? (only ?? null) : null;
}

/**
 * Finds the requested columns: by `name`, otherwise by the usual names. The only image column of a dataset is found under any name.
 *
 * @throws for a column that is missing or of the wrong kind; the message lists the columns of the dataset
 */
export function resolveColumns(
  features: Features,
  requests: ColumnRequests,
  title: string,
): Record<string, FoundColumn | null> {
  const has = Object.keys(features).join(', ');
  const resolve = (role: string, { kind, name, names, optional = false }: ColumnRequest): string | null => {
    const { fits, expected } = columnReaders[kind];
    if (typeof name === 'string') {
      const found = features[name];
      if (!found) throw new Error(`${title}: no column "${name}" for ${role}; its columns are ${has}`);
      if (!fits(found)) throw new Error(`${title}: column "${name}" cannot serve as ${role}: expected ${expected}`);
      return name;
    }
    const fitting = Object.entries(features).flatMap(([column, f]) => (fits(f) ? [column] : []));
    const usual = names.find((candidate) => fitting.includes(candidate));
    const found = usual ?? (kind === 'image' ? onlyImage(features, fitting) : null);
    if (found === null && !optional)
      throw new Error(
        `${title}: has no column for ${role}: expected ${expected} named ${names.join(' or ')}, or another name that you pass; its columns are ${has}`,
      );
    return found;
  };
  return Object.fromEntries(
    Object.entries(requests).map(([role, request]) => {
      const column = resolve(role, request);
      if (column === null) return [role, null];
      const isClass = request.kind === 'class' || request.kind === 'classes' || request.kind === 'objects';
      const numbers = isClass && classNumbers(features[column], request.classes, `${title}: column "${column}"`);
      return [role, { ...request, column, ...(numbers && { numbers }) }];
    }),
  );
}
