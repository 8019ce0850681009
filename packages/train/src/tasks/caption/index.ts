/** The task `caption`: a Vision Transformer and a causal language model that describes what it sees. */
import { type Batch, type ColumnRequest, loadTokenizer, type Tokenizer, usualColumns } from '@tessera/data';
import { preprocess } from '@tessera/models';
import { init } from '@tessera/nn';
import { concat, tensor } from '@tessera/tensor';
import { evaluateMeasures, type Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { picturesOf } from '../../report/pictures.ts';
import { type CaptionChoice, checkAllCaptions, learnTokenizer, runTokenizer } from '../captions.ts';
import { findColumns, readOptions, withColumnNames } from '../reading.ts';
import { asTaskModel, defineTask, fromScratch, type TaskModel } from '../task.ts';
import { Captioner } from './captioner.ts';
import { CaptionWriter, captionPredictor } from './describe.ts';
import { CaptionObjective, type CaptionTensors, captionLikelihood } from './objective.ts';
import { type CaptionConfig, captionSettings } from './settings.ts';

type CaptionColumns = { readonly image: ColumnRequest<'image'>; readonly captions: ColumnRequest<'texts'> };

const captionColumns: CaptionColumns = { image: usualColumns.image, captions: usualColumns.captions };

const buildModel = ({ model: { text, ...model } }: CaptionConfig, vocabularySize: number): Captioner =>
  new Captioner({ ...model, text: { ...text, vocabularySize } });

/** The batch's images, and the ids of the caption that was picked for each. */
function captionTensors(
  { columns, size }: Batch<CaptionColumns>,
  tokenizer: Tokenizer,
  { model, tokenizer: { onTooLong } }: CaptionConfig,
): CaptionTensors {
  const { imageSize } = model.vision;
  const { contextLength } = model.text;
  const captions = columns.captions.flatMap(({ picked }) => picked);
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    ids: tensor(tokenizer.encodeBatch(captions, contextLength, { onTooLong }), { shape: [size, contextLength] }),
  };
}

function measurementOf(
  {
    model,
    tokenizer,
    writer,
  }: { readonly model: Captioner; readonly tokenizer: Tokenizer; readonly writer: CaptionWriter },
  config: CaptionConfig,
): Measurement<CaptionColumns, CaptionTensors, 'nats' | 'otherImage'> {
  return {
    model,
    looks: {
      nats: { label: 'nats per token', format: 'number' },
      otherImage: { label: 'with the image of another row', format: 'number' },
    },
    // In evaluation too long captions are always cut, so that all of a split is evaluated.
    toTensors: (batch) =>
      captionTensors(batch, tokenizer, { ...config, tokenizer: { ...config.tokenizer, onTooLong: 'truncate' } }),
    // With the image of another row, the model knows no more than what captions are like in general.
    measure({ images, ids }) {
      const seen = model.see(preprocess(images));
      const others = concat([seen.slice(0, 1), seen.slice(0, 0, 1)], 0);
      const [own, other] = [seen, others].map((tokens) => captionLikelihood(model.read(tokens, ids), ids));
      if (own === undefined || other === undefined) throw new Error('there is nothing to measure');
      return { nats: { sum: own.nats, of: own.tokens }, otherImage: { sum: other.nats, of: other.tokens } };
    },
    note: "The model's caption of each image, and the true one where it is another.",
    async examples(_, tensors, rows) {
      const { images, ids } = selectRows(tensors, rows);
      const [pictures, captions, truths] = await Promise.all([picturesOf(images), writer.write(images), ids.data()]);
      const length = ids.shape[1] ?? 0;
      return pictures.map((picture, k) => {
        const caption = captions[k] ?? '';
        const truth = tokenizer.decode(Array.from(truths.subarray(k * length, (k + 1) * length), Number));
        const right = caption === truth;
        return { ...picture, lines: right ? [caption] : [caption, `true: ${truth}`], right };
      });
    },
  };
}

function subjectOf(
  model: Captioner,
  tokenizer: Tokenizer,
  config: CaptionConfig,
): TaskModel<CaptionColumns, CaptionTensors> {
  const { vision, text, reader } = config.model;
  const writer = new CaptionWriter(model, tokenizer);
  const columns = withColumnNames(captionColumns, config.data.columns);
  return {
    model,
    objective: new CaptionObjective(model),
    imageSize: vision.imageSize,
    columns: { ...columns, captions: { ...columns.captions, choice: config.data.captionChoice } },
    toTensors: (batch) => captionTensors(batch, tokenizer, config),
    facts: {
      'Image encoder': `plain ViT: ${vision.layers} blocks of width ${vision.width}`,
      'Language model': `${text.layers} layers of width ${text.width}, ${text.contextLength} tokens`,
      'Image enters as': reader.kind === 'prefix' ? 'tokens before the words' : 'gated attention before each layer',
      'Image size': vision.imageSize,
      Parameters: model.parameterCount(),
      Vocabulary: tokenizer.vocabSize,
    },
    image: { tower: model.visual, head: null, description: vision },
    predictor: captionPredictor(writer, vision.imageSize),
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits) {
        // Mixed, so that the image of another row shows something else.
        const options = { ...readOptions(request, captionColumns, vision.imageSize), mixed: true };
        results.push(await evaluateMeasures(split, options, measurementOf({ model, tokenizer, writer }, config)));
      }
      return results;
    },
  };
}

export const caption = defineTask<CaptionConfig>({
  ...captionSettings,
  title: 'Captions',
  description: 'a language model that describes images',
  mainMeasure: { name: 'nats', better: 'lower' },
  fromCheckpoint: null,
  evaluationOptions: [],
  prepare: fromScratch(async ({ config, train, evaluationSplits, folder, say }) => {
    const found = await findColumns(train, withColumnNames(captionColumns, config.data.columns));
    const { vocabularySize, onTooLong } = config.tokenizer;
    const first: CaptionChoice = { column: found.captions as string, which: 'first', data: config.data };
    const trained: CaptionChoice = config.data.captionChoice === 'first' ? first : { ...first, which: 'all' };
    const tokenizer = await runTokenizer(folder, () => learnTokenizer(train, trained, vocabularySize));
    const limits = { tokenizer, contextLength: config.model.text.contextLength, onTooLong };
    const checked = await checkAllCaptions([train], trained, limits, say);
    await checkAllCaptions(evaluationSplits, first, limits, say);
    const complete = { ...config, tokenizer: { ...config.tokenizer, onTooLong: checked.onTooLong } };
    return asTaskModel(subjectOf(buildModel(config, tokenizer.vocabSize), tokenizer, complete));
  }),
  async restore({ config, folder, checkpoint }) {
    const tokenizer = await loadTokenizer(folder.tokenizer);
    const model = init.skipInit(() => buildModel(config, tokenizer.vocabSize));
    loadModelState(checkpoint, model, config);
    return asTaskModel(subjectOf(model, tokenizer, config));
  },
});
