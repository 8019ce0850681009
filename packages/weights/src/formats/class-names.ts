/** The names of a classifier's classes: in the metadata of a file of weights, and in the configuration files of other libraries. */

/** The key of the metadata of a safetensors file. */
const key = 'tessera_classes';

/** The metadata for a file of weights. */
export const classMetadata = (classNames: readonly string[]): Record<string, string> => ({
  [key]: JSON.stringify(classNames),
});

/** The class names in a file's metadata; null where it has none. @throws if the entry is damaged */
export function storedClassNames(metadata: Readonly<Record<string, string>>): readonly string[] | null {
  const text = metadata[key];
  if (text === undefined) return null;
  const names = listOfTexts(JSON.parse(text));
  if (names === null) throw new Error(`its metadata is damaged: ${key} is not a list of names`);
  return names;
}

/** The key of the metadata that says that an image can have several classes. */
const severalKey = 'tessera_labels';
const several = 'several';

export const multiLabelMetadata = (multiLabel: boolean): Record<string, string> =>
  multiLabel ? { [severalKey]: several } : {};

export const storedMultiLabel = (metadata: Readonly<Record<string, string>>): boolean =>
  metadata[severalKey] === several;

/** Hugging Face's name for it. */
const severalProblem = 'multi_label_classification';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOfTexts = (value: unknown): readonly string[] | null =>
  Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : null;

/** Hugging Face's `id2label`: the names by number, all of 0, 1, 2, ... */
function fromNumbers(value: unknown): readonly string[] | null {
  if (!isObject(value)) return null;
  const names = Array.from({ length: Object.keys(value).length }, (_, k) => value[k]);
  return names.length === 0 ? null : listOfTexts(names);
}

/** The class names in a folder's config.json: Hugging Face's `id2label`, or timm's `label_names`; null where there are none. */
export function configuredClassNames(configFiles: Readonly<Record<string, unknown>>): readonly string[] | null {
  const config = configFiles['config.json'];
  if (!isObject(config)) return null;
  const own = isObject(config.pretrained_cfg) ? config.pretrained_cfg : {};
  return fromNumbers(config.id2label) ?? listOfTexts(config.label_names) ?? listOfTexts(own.label_names);
}

/** Whether Hugging Face's config.json says that an image can have several classes. */
export function configuredMultiLabel(configFiles: Readonly<Record<string, unknown>>): boolean {
  const config = configFiles['config.json'];
  return isObject(config) && config.problem_type === severalProblem;
}

export const huggingFaceProblem = (multiLabel: boolean): object => (multiLabel ? { problem_type: severalProblem } : {});

/** Hugging Face's two tables of class names. Without names its library calls them LABEL_0, LABEL_1, ... */
export const huggingFaceLabels = (classNames: readonly string[] | null, classes: number): object =>
  classNames === null
    ? { id2label: Object.fromEntries(Array.from({ length: classes }, (_, k) => [k, `LABEL_${k}`])) }
    : {
        id2label: Object.fromEntries(classNames.entries()),
        label2id: Object.fromEntries(Array.from(classNames, (name, k) => [name, k])),
      };
