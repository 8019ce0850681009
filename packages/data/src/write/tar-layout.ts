/** Which members of a webdataset sample the columns of a row become, in the layout of img2dataset, and the names under which they are read. */
import { type Feature, type Features, isBinary } from '../arrow/features.ts';
import { keyColumn } from '../format/tar-columns.ts';
import { type ColumnRequest, resolveColumns, usualColumns } from '../loader/columns.ts';
import type { WritePlan } from './row-writer.ts';

/** Where a column of a row is written. */
export type TarPlace =
  | { readonly kind: 'key' }
  /** KEY.jpg, KEY.png ...; with an ending, KEY.ENDING.jpg. */
  | { readonly kind: 'image'; readonly ending: string | null }
  /** KEY.txt */
  | { readonly kind: 'text' }
  /** KEY.cls */
  | { readonly kind: 'class' }
  /** KEY.ENDING */
  | { readonly kind: 'binary'; readonly ending: string }
  /** A field of KEY.json. */
  | { readonly kind: 'json' };

export interface TarPlan extends WritePlan {
  readonly places: Readonly<Record<string, TarPlace>>;
}

const isText = (f: Feature | undefined): boolean => f?.type === 'value' && /string$/.test(f.dtype);
const isInteger = (f: Feature | undefined): boolean =>
  f?.type === 'class' || (f?.type === 'value' && /^u?int/.test(f.dtype));

/** Whether JSON can hold the values. */
function fitsJson(f: Feature): boolean {
  switch (f.type) {
    case 'value':
      return !isBinary(f);
    case 'class':
      return true;
    case 'list':
      return fitsJson(f.feature);
    case 'struct':
      return Object.values(f.members).every(fitsJson);
    case 'image':
    case 'other':
      return false;
    default:
      return f satisfies never;
  }
}

const hasClasses = (f: Feature): boolean =>
  f.type === 'class' ||
  (f.type === 'list' && hasClasses(f.feature)) ||
  (f.type === 'struct' && Object.values(f.members).some(hasClasses));

/** Endings that other members have, or that are read as something else. */
const taken = /(^|\.)(txt|text|caption|cls|cls2|json|jpe?g|png|webp|gif|bmp|tiff?|avif|jfif|p[pgb]m|svg)$/;

/** A column's name as an ending, which is read in small letters and has no slash. */
const endingOf = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}_.-]/gu, '_');

const usualFor = (features: Features, request: ColumnRequest): string | null =>
  resolveColumns(features, { found: { ...request, optional: true } }, 'tar').found?.column ?? null;

function firstNamed(
  features: Features,
  names: readonly string[],
  fits: (f: Feature | undefined) => boolean,
): string | null {
  return names.find((name) => fits(features[name])) ?? null;
}

/** The plan for columns. Every column has a place, or is in `leftOut`. */
export function planTar(features: Features): TarPlan {
  const image = usualFor(features, usualColumns.image);
  const text = firstNamed(features, ['caption', ...usualColumns.captions.names], isText);
  const label = firstNamed(features, usualColumns.label.names, isInteger);
  const places: Record<string, TarPlace> = {};
  const leftOut: string[] = [];
  const changes: string[] = [];
  const readAs = (name: string, where: string, read: string): void => {
    if (name !== read) changes.push(`${name} is written as ${where}, which is read as column ${read}`);
  };
  for (const [name, f] of Object.entries(features)) {
    if (name === keyColumn && isText(f)) places[name] = { kind: 'key' };
    else if (name === image) {
      places[name] = { kind: 'image', ending: null };
      readAs(name, 'KEY.jpg, KEY.png ...', 'image');
    } else if (name === text) {
      places[name] = { kind: 'text' };
      readAs(name, 'KEY.txt', 'caption');
    } else if (name === label) {
      places[name] = { kind: 'class' };
      readAs(name, 'KEY.cls', 'label');
    } else if (f.type === 'image') {
      const ending = endingOf(name);
      places[name] = { kind: 'image', ending };
      changes.push(`${name} is written as KEY.${ending}.png (or .jpg ...), which is read as column ${ending}.png`);
    } else if (isBinary(f)) {
      const own = endingOf(name);
      const ending = taken.test(own) ? `${own}.bin` : own;
      places[name] = { kind: 'binary', ending };
      readAs(name, `KEY.${ending}`, ending);
    } else if (fitsJson(f)) places[name] = { kind: 'json' };
    else leftOut.push(`${name}: a tar file cannot hold pictures or binary data inside of lists and structures`);
  }
  const classes = Object.entries(features).filter(([name, f]) => hasClasses(f) && places[name] !== undefined);
  if (classes.length > 0)
    changes.push(
      `${classes.map(([name]) => name).join(', ')}: tar files hold the numbers of classes; their names are in dataset_info.json`,
    );
  const written = Object.fromEntries(Object.entries(features).filter(([name]) => places[name] !== undefined));
  return { features: written, leftOut, changes, places };
}
