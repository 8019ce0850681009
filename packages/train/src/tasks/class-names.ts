/** The names of a classifier's classes, stored with its weights. */

const key = 'tessera_classes';

/** Metadata for files of weights. */
export const classMetadata = (classNames: readonly string[]): Record<string, string> => ({
  [key]: JSON.stringify(classNames),
});

/** The names that a file's metadata contain; null where it was written without them. */
export function storedClassNames(metadata: Readonly<Record<string, string>>): readonly string[] | null {
  const text = metadata[key];
  return text === undefined ? null : (JSON.parse(text) as string[]);
}
