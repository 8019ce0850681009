import type { Feature, Features } from './arrow/features.ts';

/** Which columns of a dataset a loader reads. Null where there is none. */
export interface Columns {
  /** An Image column. */
  image: string;
  /** A string column, or a list of strings: all captions of the row. */
  captions: string | null;
  /** A ClassLabel column. */
  label: string | null;
  /** An integer column; rows with the same number show the same thing and are no negatives of each other. */
  concept: string | null;
}

const isText = (f: Feature): boolean => f.type === 'value' && (f.dtype === 'string' || f.dtype === 'large_string');

interface Role {
  fits: (f: Feature) => boolean;
  expected: string;
  /** Names that are looked for, in order. */
  names: string[];
}

const roles: Record<keyof Columns, Role> = {
  image: { fits: (f) => f.type === 'image', expected: 'an Image column', names: ['image', 'img', 'picture'] },
  captions: {
    fits: (f) => isText(f) || (f.type === 'list' && isText(f.feature)),
    expected: 'a string column or a list of strings',
    names: ['captions', 'caption', 'text', 'sentences', 'title'],
  },
  label: {
    fits: (f) => f.type === 'class',
    expected: 'a ClassLabel column',
    names: ['label', 'class', 'labels', 'fine_label'],
  },
  concept: {
    fits: (f) => f.type === 'class' || (f.type === 'value' && /^u?int/.test(f.dtype)),
    expected: 'an integer column',
    names: ['concept'],
  },
};

/**
 * Finds the columns to read: those that are named in `wanted` (null: none), otherwise by their usual names, otherwise the only
 * column that fits.
 *
 * @throws for a column that is missing or of the wrong kind, listing what there is.
 */
export function resolveColumns(features: Features, wanted: Partial<Columns>, title: string): Columns {
  const has = Object.keys(features).join(', ');
  const resolve = (role: keyof Columns): string | null => {
    const { fits, expected, names } = roles[role];
    const name = wanted[role];
    if (name === null) return null;
    if (name !== undefined) {
      const found = features[name];
      if (!found) throw new Error(`${title}: no column "${name}" for ${role}; its columns are ${has}`);
      if (!fits(found)) throw new Error(`${title}: column "${name}" cannot serve as ${role}: expected ${expected}`);
      return name;
    }
    const fitting = Object.keys(features).filter((column) => fits(features[column] as Feature));
    const usual = names.find((candidate) => fitting.includes(candidate));
    return usual ?? (role === 'image' && fitting.length === 1 ? (fitting[0] as string) : null);
  };
  const image = resolve('image');
  if (!image) throw new Error(`${title}: no column holds the images; name one of its columns (${has})`);
  return { image, captions: resolve('captions'), label: resolve('label'), concept: resolve('concept') };
}
