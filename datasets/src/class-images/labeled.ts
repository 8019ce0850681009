/** What datasets of image files in classes have in common. */
import { type Features, feature } from '@tessera/data';

/** The columns `image` and `label`. */
export const labeledFeatures = (classes: readonly string[]): Features => ({
  image: feature.image(),
  label: feature.classLabel(classes),
});

/** A name of words that are separated by underscores, with spaces. */
export const spaced = (name: string): string => name.replaceAll('_', ' ').trim();
