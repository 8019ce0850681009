/** Writing a model as a folder for ONNX Runtime: its computation, preprocessing, tokenizer and README. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { saveHuggingFaceTokenizer } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { CLIP, ImageClassifier, ResNet, ViT } from '@tessera/models';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { huggingFaceLabels, huggingFaceProcessor, type OnnxExport, prepareOnnx } from '@tessera/weights';
import { toCaller } from '../call.ts';
import { UsageError } from '../command.ts';
import type { Source } from './source.ts';
import { refuseRunFolder, writeCard } from './write-folder.ts';

/** A file of the folder. */
interface OnnxFile {
  readonly name: string;
  readonly content: OnnxExport;
}

const pixels = (side: number): OnnxExport['input'] => ({
  name: 'pixel_values',
  kind: 'pixels',
  shape: [3, side, side],
});

const imageFile = (
  model: Module,
  forward: (images: Tensor) => Tensor,
  side: number,
  output: 'image_embeds' | 'logits',
): OnnxFile => ({ name: 'image.onnx', content: { model, forward, input: pixels(side), output } });

/** The parts of a model that are exported. @throws where it has no image tower */
function filesOf({ model, run, classNames }: Source): OnnxFile[] {
  if (model instanceof CLIP) {
    const { visual, text } = model;
    return [
      imageFile(
        visual as unknown as Module,
        (images) => visual.forward(images),
        visual.inputResolution,
        'image_embeds',
      ),
      {
        name: 'text.onnx',
        content: {
          model: text,
          forward: (ids) => text.forward(ids),
          input: { name: 'input_ids', kind: 'ids', shape: [text.contextLength] },
          output: 'text_embeds',
        },
      },
    ];
  }
  if (model instanceof ImageClassifier)
    return [imageFile(model, (images) => model.forward(images), model.visual.inputResolution, 'logits')];
  if (model instanceof ViT || model instanceof ResNet) {
    const output = classNames !== null || model.stateDict().has('head.weight') || model.stateDict().has('fc.weight');
    return [
      imageFile(model, (images) => model.forward(images), model.inputResolution, output ? 'logits' : 'image_embeds'),
    ];
  }
  const half = run?.subject.image;
  if (run === null || half === undefined)
    throw new UsageError(
      `${model.constructor.name}: --to onnx exports CLIP, classifiers and image towers${run === null ? '' : `; the task ${run.task.name} has no image tower`}`,
    );
  const { tower } = half;
  return [
    imageFile(tower as unknown as Module, (images) => tower.forward(images), tower.inputResolution, 'image_embeds'),
  ];
}

/** What follows from neither file: the names of classes, or how features become logits. */
async function configOf({ model, classNames }: Source): Promise<object> {
  if (classNames !== null) return huggingFaceLabels(classNames, classNames.length);
  if (!(model instanceof CLIP)) return {};
  const scale = (await model.logit_scale.exp().data())[0];
  const bias = model.logit_bias === null ? null : (await model.logit_bias.data())[0];
  return {
    logit_scale: scale,
    ...(bias === null ? {} : { logit_bias: bias }),
    max_position_embeddings: model.text.contextLength,
  };
}

/** @returns lines that say what was written */
export async function writeOnnxFolder(out: string, source: Source, commands: readonly string[]): Promise<string[]> {
  await refuseRunFolder(out);
  // Recorded before anything is written: then nothing is refused half-way.
  const prepared = filesOf(source).map(({ name, content }) => ({ name, onnx: prepareOnnx(content) }));
  await fs.mkdir(out, { recursive: true });
  const lines: string[] = [];
  for (const { name, onnx } of prepared) {
    const files = await onnx.write(join(out, name));
    const count = Object.values(onnx.operations).reduce((sum, own) => sum + own, 0);
    lines.push(`written: ${files.map(toCaller).join(', ')} (${count} operations, of any batch size)`);
  }
  const configs = [
    { name: 'config.json', content: await configOf(source) },
    ...huggingFaceProcessor(source.preprocessing),
  ];
  for (const { name, content } of configs) {
    await writeFileAtomic(join(out, name), [`${JSON.stringify(content, null, 2)}\n`]);
    lines.push(`written: ${toCaller(join(out, name))}`);
  }
  if (source.text !== undefined) {
    const { tokenizer, contextLength } = source.text;
    const paths = await saveHuggingFaceTokenizer(out, tokenizer, contextLength);
    lines.push(`tokenizer for CLIPTokenizer: ${paths.map(toCaller).join(', ')}`);
  }
  const card = await writeCard(out, 'onnx', source, commands);
  if (card !== null) lines.push(`model card: ${toCaller(card)}`);
  return lines;
}
