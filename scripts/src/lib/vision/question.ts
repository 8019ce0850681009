import { type FusionKind, fusionKinds, MultimodalClassifier, preprocess } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import { type Batch, permutation, trainBpe } from '@tessera/train';
import { picturesOf, type SplitContents, shareRight, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 64;
const contextLength = 24;

/** What is asked about: the class columns, in the places where the loader has room for them. */
const columns = { label: 'style', concept: 'group' } as const;

/** A question for each class of a column. @throws where there is no such column */
function questionsOf({ path, name, features }: SplitContents, column: string, ask: (name: string) => string): string[] {
  const feature = features[column];
  if (feature?.type !== 'class')
    throw new Error(
      `${path}, split "${name}": asking about pictures needs the class columns ${Object.values(columns).join(' and ')}; it has ${Object.keys(features).join(', ')}`,
    );
  return feature.names.map((each) => ask(each.replaceAll('-', ' ')));
}

/**
 * For each row the class of another row: sorted by class, that of the row half way round. So each class is asked about in vain as
 * often as it occurs, and the question alone says nothing about its answer. Where a class has more than half of the rows, some get their
 * own class.
 */
export function otherClasses(classes: readonly number[]): number[] {
  const order = classes.map((_, row) => row).sort((a, b) => (classes[a] as number) - (classes[b] as number) || a - b);
  const half = Math.floor(classes.length / 2);
  const others: number[] = [];
  for (const [place, row] of order.entries())
    others[row] = classes[order[(place + half) % order.length] as number] as number;
  return others;
}

/** One question for each row of a batch, with its answer. */
interface Questions {
  /** Which column each is about: 0 or 1. */
  readonly about: readonly number[];
  /** The class that it names. */
  readonly asked: readonly number[];
  /** 1: yes. */
  readonly answers: readonly number[];
}

/**
 * Half of the rows are asked about their first class, half about their second; whether it is the row's own class or another is drawn, even,
 * from the rows of the batch, so that a row is asked something else in each epoch, and the same in each run.
 */
export function askAbout({ labels, concepts, indices, size }: Batch): Questions {
  const seed = indices.reduce((sum, index, k) => (Math.imul(sum, 31) + index + k) >>> 0, 7);
  const drawn = permutation(size, seed, 0);
  const about = Array.from({ length: size }, (_, row) => row % 2);
  const asked = new Array<number>(size).fill(0);
  const answers = new Array<number>(size).fill(0);
  for (const [kind, classes] of [labels, concepts].entries()) {
    const rows = about.flatMap((each, row) => (each === kind ? [row] : []));
    const own = rows.map((row) => classes[row] as number);
    const others = otherClasses(own);
    for (const [k, row] of rows.entries()) {
      const truly = (drawn[row] as number) % 2 === 0;
      asked[row] = (truly ? own[k] : others[k]) as number;
      answers[row] = asked[row] === own[k] ? 1 : 0;
    }
  }
  return { about, asked, answers };
}

/** Yes or no to a question about a picture: its style or what it belongs to. Neither the picture nor the question alone helps. */
function questionTask(fusion: FusionKind, { train }: Pick<TaskOptions, 'train'>): VisionTask {
  const questions = [
    questionsOf(train, columns.label, (name) => `is it drawn in the style of ${name}?`),
    questionsOf(train, columns.concept, (name) => `does it show something of ${name}?`),
  ];
  const tokenizer = trainBpe(questions.flat(), { vocabSize: 640 });
  const model = new MultimodalClassifier({
    vision: { imageSize, patchSize: 8, width: 64, depth: 4, heads: 4 },
    text: { contextLength, vocabularySize: tokenizer.vocabSize, width: 64, layers: 2, heads: 4 },
    fusion,
    dim: 64,
    heads: 4,
    classes: 2,
  });
  return {
    model,
    imageSize,
    loading: { columns },
    inputs: (batch) => {
      const { about, asked, answers } = askAbout(batch);
      const texts = asked.map((name, row) => questions[about[row] as number]?.[name] as string);
      const ids = tokenizer.encodeBatch(texts, contextLength);
      return [
        picturesOf(batch, imageSize),
        tensor(ids, { shape: [batch.size, contextLength] }),
        tensor(Int32Array.from(answers)),
        tensor(Int32Array.from(about)),
      ];
    },
    loss: (images, ids, answers) => F.crossEntropy(model.forward(preprocess(images), ids), answers),
    measures: (images, ids, answers, about) => {
      const pictures = preprocess(images);
      const right = model.forward(pictures, ids).argmax(1).eq(answers).cast('f32');
      const among = (rows: Tensor): Tensor => right.mul(rows).sum().div(rows.sum());
      return {
        'answers right': right.mean(),
        'about the style': among(about.eq(0).cast('f32')),
        'about the group': among(about.eq(1).cast('f32')),
        'without the picture': shareRight(model.forward(pictures.mul(0), ids), answers),
        'without the question': shareRight(model.forward(pictures, ids.slice(0, 0, 1).expand(...ids.shape)), answers),
      };
    },
  };
}

/** The task with each way to join the two modalities. */
export const questionTasks = Object.fromEntries(
  fusionKinds.map((fusion) => [fusion, (options: TaskOptions) => questionTask(fusion, options)]),
);
