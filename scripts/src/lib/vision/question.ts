import { type Batch, permutation, trainBpe } from '@tessera/data';
import { type FusionKind, fusionKinds, MultimodalClassifier, preprocess } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { tensor } from '@tessera/tensor';
import { picturesOf, type SplitContents, shareRight, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 48;
const contextLength = 14;

/** What is asked about. */
const column = 'style';

/** A question for each class of the column. @throws where there is no such column */
function questionsOf({ path, name, features }: SplitContents): string[] {
  const feature = features[column];
  if (feature?.type !== 'class')
    throw new Error(
      `${path}, split "${name}": asking about pictures needs the class column ${column}; it has ${Object.keys(features).join(', ')}`,
    );
  return feature.names.map((each) => `is it drawn in the style of ${each.replaceAll('-', ' ')}?`);
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
  /** The class that each names. */
  readonly asked: readonly number[];
  /** 1: yes. */
  readonly answers: readonly number[];
}

/**
 * Half of the rows are asked about their own class, half about that of another row: which half is drawn by what is in the batch, so that
 * a row is asked something else in each epoch, and the same in each run.
 */
export function askAbout({ labels, indices, size }: Batch): Questions {
  const seed = indices.reduce((sum, index, k) => (Math.imul(sum, 31) + index + k) >>> 0, 7);
  const drawn = permutation(size, seed, 0);
  const own = Array.from(labels);
  const others = otherClasses(own);
  const asked = own.map((label, row) => ((drawn[row] as number) % 2 === 0 ? label : (others[row] as number)));
  return { asked, answers: asked.map((label, row) => (label === own[row] ? 1 : 0)) };
}

/** Yes or no to a question about a picture's style. Neither the picture nor the question alone helps. */
function questionTask(fusion: FusionKind, { train }: Pick<TaskOptions, 'train'>): VisionTask {
  const questions = questionsOf(train);
  // Each word is to be one token, also one that a single question has.
  const tokenizer = trainBpe(questions, { vocabSize: 1500, minCount: 1 });
  const model = new MultimodalClassifier({
    vision: { imageSize, patchSize: 8, width: 64, depth: 3, heads: 4 },
    text: { contextLength, vocabularySize: tokenizer.vocabSize, width: 64, layers: 1, heads: 4 },
    fusion,
    dim: 64,
    heads: 4,
    classes: 2,
  });
  return {
    model,
    imageSize,
    loading: { columns: { label: column } },
    inputs: (batch) => {
      const { asked, answers } = askAbout(batch);
      const texts = asked.map((name) => questions[name] as string);
      const ids = tokenizer.encodeBatch(texts, contextLength);
      return [
        picturesOf(batch, imageSize),
        tensor(ids, { shape: [batch.size, contextLength] }),
        tensor(Int32Array.from(answers)),
      ];
    },
    loss: (images, ids, answers) => F.crossEntropy(model.forward(preprocess(images), ids), answers),
    measures: (images, ids, answers) => {
      const pictures = preprocess(images);
      return {
        'answers right': shareRight(model.forward(pictures, ids), answers),
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
