/** The task `question`: yes or no to questions about images, with several ways to join the two. */
import { type Batch, loadTokenizer, type Split, type Tokenizer, trainBpe, usualColumns } from '@tessera/data';
import { MultimodalClassifier, preprocess } from '@tessera/models';
import { init } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import { classMetadata, storedClassNames } from '@tessera/weights';
import { classNamesOf } from '../../evaluation/classification/evaluate.ts';
import { evaluateMeasures, type Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { enlarge } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { runTokenizer } from '../captions.ts';
import { findColumns, readOptions, withColumnNames } from '../reading.ts';
import { asTaskModel, defineTask, fromScratch, type TaskModel } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { QuestionObjective, type QuestionTensors } from './objective.ts';
import { questionPredictor } from './predictor.ts';
import { answerNames, askAbout, type QuestionColumns, questionsOf } from './questions.ts';
import { type QuestionConfig, questionSettings } from './settings.ts';

const questionColumns: QuestionColumns = {
  image: usualColumns.image,
  property: { kind: 'class', names: ['style'] },
};

const buildModel = ({ model }: QuestionConfig, vocabularySize: number): MultimodalClassifier =>
  new MultimodalClassifier({
    ...model,
    vision: vitOptions(model.vision),
    text: { ...model.text, vocabularySize },
    classes: answerNames.length,
  });

/** The batch's images with a question about each. `questions`: one for each class. */
function questionTensors(
  batch: Batch<QuestionColumns>,
  tokenizer: Tokenizer,
  { vision: { imageSize }, text: { contextLength } }: QuestionConfig['model'],
  questions: readonly string[],
): QuestionTensors {
  const { columns, size } = batch;
  const asked = askAbout(batch);
  const texts = asked.map((each) => questions[each.asked] ?? '');
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    ids: tensor(tokenizer.encodeBatch(texts, contextLength), { shape: [size, contextLength] }),
    answers: tensor(Int32Array.from(asked, ({ answer }) => answer)),
  };
}

function measurementOf(
  model: MultimodalClassifier,
  tokenizer: Tokenizer,
  config: QuestionConfig,
  questions: readonly string[],
): Measurement<QuestionColumns, QuestionTensors, 'accuracy' | 'withoutImage' | 'withoutQuestion'> {
  const isRight = (images: Tensor, { ids, answers }: Pick<QuestionTensors, 'ids' | 'answers'>): Tensor =>
    model.forward(images, ids).argmax(1).eq(answers);
  return {
    model,
    looks: {
      accuracy: { label: 'right answers', format: 'percent' },
      withoutImage: { label: 'without the image', format: 'percent' },
      withoutQuestion: { label: 'without the question', format: 'percent' },
    },
    toTensors: (batch) => questionTensors(batch, tokenizer, config.model, questions),
    measure({ images, ids, answers }) {
      const pixels = preprocess(images);
      // Another question instead: that of the first row.
      const same = ids.slice(0, 0, 1).expand(ids.shape);
      return {
        accuracy: isRight(pixels, { ids, answers }),
        withoutImage: isRight(pixels.mul(0), { ids, answers }),
        withoutQuestion: isRight(pixels, { ids: same, answers }),
      };
    },
    classes: {
      names: answerNames,
      counted: 'questions',
      decide: ({ images, ids, answers }) => ({
        truth: answers,
        prediction: model.forward(preprocess(images), ids).argmax(1),
      }),
    },
    note: "The question about each image, the model's answer, and the true one where it is another.",
    async examples(batch, tensors, rows) {
      const { images, ids, answers } = selectRows(tensors, rows);
      const [pictures, given, truths] = await Promise.all([
        picturesOf(images),
        model.forward(preprocess(images), ids).argmax(1).data(),
        answers.data(),
      ]);
      const asked = askAbout(batch);
      return pictures.map((picture, k) => {
        const [answer, truth] = [given, truths].map((values) => answerNames[Number(values[k])]);
        const question = questions[asked[rows[k] ?? 0]?.asked ?? 0] ?? '';
        const right = answer === truth;
        return { ...enlarge(picture, 2), lines: [question, right ? `${answer}` : `${answer}, not ${truth}`], right };
      });
    },
  };
}

/** The names of the classes that a split is asked about. */
async function propertyNames(split: Split, columns: QuestionColumns): Promise<readonly string[]> {
  const { property } = await findColumns(split, columns);
  return classNamesOf(split, property);
}

function subjectOf(
  model: MultimodalClassifier,
  tokenizer: Tokenizer,
  config: QuestionConfig,
  classNames: readonly string[],
): TaskModel<QuestionColumns, QuestionTensors> {
  const { vision, text, fusion, dim } = config.model;
  const questions = questionsOf(classNames, config.data.question);
  return {
    model,
    objective: new QuestionObjective(model),
    imageSize: vision.imageSize,
    columns: withColumnNames(questionColumns, config.data.columns),
    toTensors: (batch) => questionTensors(batch, tokenizer, config.model, questions),
    describeRow(batch, row) {
      const { asked, answer } = askAbout(batch)[row] ?? { asked: 0, answer: 0 };
      return { question: questions[asked] ?? '', answer: answerNames[answer] };
    },
    facts: {
      'Image encoder': `plain ViT: ${vision.layers} blocks of width ${vision.width}`,
      'Question encoder': `${text.layers} layers of width ${text.width}, ${text.contextLength} tokens`,
      Fusion: `${fusion}, to ${dim} features`,
      'Image size': vision.imageSize,
      Parameters: model.parameterCount(),
      Questions: questions.length,
      Vocabulary: tokenizer.vocabSize,
    },
    metadata: classMetadata(classNames),
    predictor: questionPredictor(model, vision.imageSize, questions, (texts) =>
      tensor(tokenizer.encodeBatch(texts, text.contextLength), { shape: [texts.length, text.contextLength] }),
    ),
    image: { tower: model.visual, head: null, description: vision },
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits) {
        // Mixed, because a question is about the class of another row in the batch.
        const options = { ...readOptions(request, questionColumns, vision.imageSize), mixed: true };
        const own = questionsOf(await propertyNames(split, options.columns), config.data.question);
        results.push(await evaluateMeasures(split, options, measurementOf(model, tokenizer, config, own)));
      }
      return results;
    },
  };
}

export const question = defineTask<QuestionConfig>({
  ...questionSettings,
  title: 'Questions about images',
  description: 'yes or no to questions about images',
  mainMeasure: { name: 'accuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: [],
  prepare: fromScratch(async ({ config, train, folder }) => {
    const classNames = await propertyNames(train, withColumnNames(questionColumns, config.data.columns));
    // Each word is one token, also a word that a single question has.
    const tokenizer = await runTokenizer(folder, () =>
      trainBpe(questionsOf(classNames, config.data.question), {
        vocabSize: config.tokenizer.vocabularySize,
        minCount: 1,
      }),
    );
    return asTaskModel(subjectOf(buildModel(config, tokenizer.vocabSize), tokenizer, config, classNames));
  }),
  async restore({ config, folder, checkpoint }) {
    const tokenizer = await loadTokenizer(folder.tokenizer);
    const model = init.skipInit(() => buildModel(config, tokenizer.vocabSize));
    loadModelState(checkpoint, model, config);
    return asTaskModel(subjectOf(model, tokenizer, config, storedClassNames(checkpoint.metadata) ?? []));
  },
});
