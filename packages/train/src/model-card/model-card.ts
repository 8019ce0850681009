/** The README.md of a folder with a model: what it is, what it was trained on, how good it is, and how to load it. */
import { type FolderLibrary, type FolderModel, loadingCode } from './loading.ts';
import type { ResultRow } from './results.ts';

/** A data set that a model was trained on. */
export interface CardData {
  readonly name: string;
  /** '' where it is not known. */
  readonly license: string;
  readonly homepage: string;
  readonly description: string;
}

export interface ModelCardFacts {
  readonly title: string;
  readonly library: FolderLibrary;
  readonly model: FolderModel;
  /** The name of the folder. */
  readonly folder: string;
  /** Facts about the model, such as its number of parameters. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly classNames: readonly string[] | null;
  /** Whether an image can have several of the classes. */
  readonly multiLabel: boolean;
  /** Null where the model was not trained here. */
  readonly data: readonly CardData[] | null;
  readonly results: readonly ResultRow[];
  readonly preprocessing: {
    readonly imageSize: number;
    readonly mean: readonly number[];
    readonly std: readonly number[];
  } | null;
  /** The commands that made the folder, in order. */
  readonly commands: readonly string[];
}

/** The names of libraries in the front matter, as model hubs know them. */
const libraryNames: Readonly<Record<FolderLibrary, string>> = {
  'hugging-face': 'transformers',
  'open-clip': 'open_clip',
  timm: 'timm',
  onnx: 'onnx',
};

const pipelines: Readonly<Record<FolderModel, string>> = {
  clip: 'zero-shot-image-classification',
  classifier: 'image-classification',
  features: 'image-feature-extraction',
};

/** A cell of a table: no line breaks, and no bars. */
const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();

const table = (heading: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

const formatNumber = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(4));

const mostClasses = 1000;

function classesText(classNames: readonly string[], multiLabel: boolean): string {
  const shown = classNames.slice(0, mostClasses).map((name) => `\`${name.replaceAll('`', "'")}\``);
  const more = classNames.length - shown.length;
  const how = multiLabel
    ? '. An image can have several: the sigmoid of a logit is the probability of its class'
    : '. The softmax of the logits is their probabilities';
  return `${classNames.length} classes, in the order of the logits: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}${how}.`;
}

function dataText(data: readonly CardData[] | null): string {
  if (data === null) return 'The model was not trained with Tessera; see where its weights are from.';
  const rows = data.map(({ name, license, homepage, description }) => [
    name,
    license === '' ? 'not stated in the data set' : license,
    homepage,
    description,
  ]);
  return `${table(['data set', 'license', 'address', 'description'], rows)}

The license of the data also limits what may be done with the model. Set \`license\` at the top of this file to your choice.`;
}

function resultsText(results: readonly ResultRow[]): string {
  if (results.length === 0) return 'The folder of the run has no evaluation.';
  const rows = results.map(({ split, name, value, meaning }) => [split, name, formatNumber(value), meaning]);
  return `Shares are from 0 to 1.

${table(['split', 'number', 'value', 'meaning'], rows)}`;
}

/** A card in Markdown, with the front matter that model hubs read. */
export function modelCard(card: ModelCardFacts): string {
  const { title, library, model, folder, facts, classNames, multiLabel, data, results, preprocessing, commands } = card;
  const loading = loadingCode[library][model];
  const list = (values: readonly number[] = []): string => `[${values.join(', ')}]`;
  const code = loading?.replaceAll('FOLDER', folder);
  const input =
    preprocessing === null
      ? 'How images become the input of this model is not known to the file that it was converted from.'
      : `Images of any size: RGB, the shorter side resized to ${preprocessing.imageSize} pixels (bicubic, antialiased), the square in the center, then (value / 255 - mean) / std with mean ${list(preprocessing.mean)} and std ${list(preprocessing.std)}.`;
  const sections: readonly (readonly [heading: string, text: string])[] = [
    ...(code === undefined ? [] : [['Use', `\`\`\`python\n${code}\n\`\`\``] as const]),
    ['Input', input],
    ...(classNames === null ? [] : [['Classes', classesText(classNames, multiLabel)] as const]),
    ['Data', dataText(data)],
    ['Results', resultsText(results)],
    [
      'Model',
      table(
        ['fact', 'value'],
        Object.entries(facts).map(([key, value]) => [key, String(value)]),
      ),
    ],
    ['How it was made', `\`\`\`\n${commands.join('\n')}\n\`\`\``],
  ];
  return `---
library_name: ${libraryNames[library]}
pipeline_tag: ${pipelines[model]}
license: other
tags:
- tessera
---

# ${title}

${sections.map(([heading, text]) => `## ${heading}\n\n${text}\n`).join('\n')}`;
}
