/** The names of a classifier's classes, stored with its weights. */

const key = 'tessera_classes';

/** The metadata for a file of weights. */
export const classMetadata = (classNames: readonly string[]): Record<string, string> => ({
  [key]: JSON.stringify(classNames),
});

/** The class names in a file's metadata; null where it has none. */
export function storedClassNames(metadata: Readonly<Record<string, string>>): readonly string[] | null {
  const text = metadata[key];
  return text === undefined ? null : (JSON.parse(text) as string[]);
}
