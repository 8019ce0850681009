/** The columns of a dataset that a loader reads: how they are requested, found, and returned in a batch. */
import { type Feature, type Features, isBinary } from '../arrow/features.ts';

/** Which of a row's texts an epoch uses first: a random one, always the first, or the first with probability `first`, otherwise one of the others. */
export type CaptionChoice = 'random' | 'first' | { first: number };

/** The texts of a row: all of them, and those that were picked for this epoch. */
export interface RowTexts {
  readonly all: readonly string[];
  readonly picked: readonly string[];
}

/** The values of a column in a batch, by the kind with which the column was requested. */
export interface ColumnValues {
  /** RGB pixels from 0 to 255: [size, imageSize, imageSize, 3]. */
  image: Uint8Array<ArrayBuffer>;
  texts: readonly RowTexts[];
  /** Class numbers; -1 for a row without a class. */
  class: Int32Array;
  /** The numbers of the classes that each row belongs to, in ascending order. */
  classes: readonly (readonly number[])[];
  /** Integers; a row without one receives a negative number that no other row has. */
  integer: Int32Array;
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
  /** For texts: which one is picked first. Default: `random` in shuffled epochs, otherwise `first`. */
  readonly choice?: CaptionChoice;
  /** For texts: how many are picked for each row and epoch. Default 1. */
  readonly count?: number;
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
} as const satisfies Record<string, ColumnRequest>;

const isText = (f: Feature): boolean => f.type === 'value' && (f.dtype === 'string' || f.dtype === 'large_string');

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
  read(value: unknown, row: number): unknown;
  /** Collects the values of a batch in the form of `ColumnValues`. */
  collate(values: readonly unknown[]): unknown;
}

const integerOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
const integers = (values: readonly unknown[]): Int32Array => Int32Array.from(values as readonly number[]);

/** How each kind of column is recognized and read. The sampler decodes images. */
export const columnReaders: Readonly<Record<ColumnKind, ColumnReader>> = {
  image: {
    fits: (f) => f.type === 'image' || isBinary(f),
    expected: 'an Image or binary column',
    read: (value) => value,
    collate: (values) => values,
  },
  texts: {
    fits: (f) => isText(f) || (f.type === 'list' && isText(f.feature)),
    expected: 'a string column or a list of strings',
    read(value) {
      const texts = (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string');
      const filled = texts.filter((text) => text.trim() !== '');
      return filled.length > 0 ? filled : new Unusable('the caption is empty');
    },
    collate: (values) => values,
  },
  class: {
    fits: (f) => f.type === 'class',
    expected: 'a ClassLabel column',
    read: (value) => integerOr(value, -1),
    collate: integers,
  },
  classes: {
    fits: (f) => f.type === 'list' && f.feature.type === 'class',
    expected: 'a list of ClassLabel',
    read: (value) =>
      [...new Set((Array.isArray(value) ? value : []).filter((each) => typeof each === 'number'))].sort(
        (a, b) => a - b,
      ),
    collate: (values) => values,
  },
  integer: {
    fits: (f) => f.type === 'class' || (f.type === 'value' && /^u?int/.test(f.dtype)),
    expected: 'an integer column',
    read: (value, row) => integerOr(value, -1 - row),
    collate: integers,
  },
};

/** A request with the name of its column. */
export type FoundColumn = ColumnRequest & { readonly column: string };

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
      return [role, column === null ? null : { ...request, column }];
    }),
  );
}
