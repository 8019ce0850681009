/** Trained models as programs use them: images and texts in, classes, captions and features out. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BytePairTokenizer, type EncodedImage, openDataset, saveHuggingFaceTokenizer } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { saveWeights } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalizeRows, rowAt } from './evaluation/retrieval/products.ts';
import { loadModelFile } from './load-model-file.ts';
import { type LoadedRun, loadRun } from './load-run.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
let clip: LoadedRun;
let images: Uint8Array[];
const texts = ['red circle', 'a picture of a blue bar', 'green square'];

beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'loaded-model-'));
  await writeTinyDataset(join(root, 'data'));
  await trainTiny(root, { name: 'clip', set: ['training.epochs=1'] });
  clip = await loadRun(join(root, 'clip'));
  using dataset = await openDataset(join(root, 'data'));
  images = (await dataset.split('test').column('image')).map(
    (image) => (image as unknown as EncodedImage).bytes as Uint8Array,
  );
});
afterAll(async () => {
  clip.dispose();
  await fs.rm(root, { recursive: true });
});

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);

describe('CLIP', () => {
  it('compares images with texts: the softmax of the learned scale times the cosine', async () => {
    const [pictures, words] = [await clip.embedImages(images), await clip.embedTexts(texts)];
    expect([pictures.dims, pictures.values.length, words.values.length]).toEqual([8, 12 * 8, 3 * 8]);
    const scale = Math.exp((await clip.checkpoint.modelState().get('logit_scale')?.item()) ?? Number.NaN);
    const predictions = await clip.predict(images, { texts });
    for (const [k, prediction] of predictions.entries()) {
      if (prediction.kind !== 'texts') throw new Error(`the kind is ${prediction.kind}`);
      const own = rowAt(normalizeRows(pictures.values, 8), k, 8);
      const cosines = texts.map((_, t) => dot(own, rowAt(normalizeRows(words.values, 8), t, 8)));
      const sum = cosines.reduce((total, cosine) => total + Math.exp(scale * cosine), 0);
      expect(prediction.texts.map(({ similarity }) => similarity)).toEqual(
        prediction.texts.map(({ similarity }) => similarity).toSorted((a, b) => b - a),
      );
      for (const { name, probability, similarity } of prediction.texts) {
        const cosine = cosines[texts.indexOf(name)] ?? Number.NaN;
        expect(similarity).toBeCloseTo(cosine, 5);
        expect(probability).toBeCloseTo(Math.exp(scale * cosine) / sum, 4);
      }
    }
  });

  it('classifies by the names of classes, alone or in prompts', async () => {
    const classes = ['circle', 'square', 'bar'];
    const plain = await clip.classify(images, { classes });
    const asTexts = await clip.predict(images, { texts: classes });
    for (const [k, own] of plain.entries()) {
      const other = asTexts[k];
      if (other?.kind !== 'texts') throw new Error('these are no texts');
      expect(own.map(({ name }) => name)).toEqual(other.texts.map(({ name }) => name));
      expect(own.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 10);
    }
    const prompted = await clip.classify(images, { classes, templates: ['a {}', 'a picture of a {}'] });
    expect(prompted).not.toEqual(plain);
  });

  it('takes paths and URLs, and the result does not depend on the other images', async () => {
    const path = join(root, 'picture.png');
    await fs.writeFile(path, images[3] as Uint8Array);
    const [alone, same] = await clip.predict([path, pathToFileURL(path)], { texts });
    const all = await clip.predict(images, { texts });
    expect(same).toEqual(alone);
    if (alone?.kind !== 'texts' || all[3]?.kind !== 'texts') throw new Error('these are no texts');
    for (const [k, { name, probability }] of alone.texts.entries())
      expect(all[3].texts[k]).toMatchObject({ name, probability: expect.closeTo(probability, 5) });
  });

  it('in a folder of another library has the same functions, with its own tokenizer', async () => {
    const folder = join(root, 'hugging-face');
    const { model, text } = clip.subject;
    if (text === undefined) throw new Error('CLIP has a text tower');
    await saveWeights(model, folder, { names: 'hugging-face' });
    await saveHuggingFaceTokenizer(folder, text.tokenizer as BytePairTokenizer, text.contextLength);
    using file = await loadModelFile(folder);
    const [own, other] = [await clip.predict(images, { texts }), await file.predict(images, { texts })];
    for (const [k, prediction] of own.entries()) {
      const same = other[k];
      if (prediction.kind !== 'texts' || same?.kind !== 'texts') throw new Error('these are no texts');
      expect(same.texts).toEqual(
        prediction.texts.map(({ name, probability, similarity }) => ({
          name,
          probability: expect.closeTo(probability, 5),
          similarity: expect.closeTo(similarity, 5),
        })),
      );
    }
    await expect(loadModelFile(join(root, 'clip', 'model.safetensors'))).rejects.toThrow(
      'put its own (tokenizer.json)',
    );
  });

  it('says what is wrong', async () => {
    await expect(clip.predict(images)).rejects.toThrow('CLIP learned no classes: ask it for either names of classes');
    await expect(clip.predict(images, { questions: ['is it red?'] })).rejects.toThrow(
      'the task contrastive does not use questions; it uses classes, templates, texts',
    );
    await expect(clip.predict([join(root, 'none.png')], { texts })).rejects.toThrow('none.png: ');
    await expect(clip.predict([images[0] as Uint8Array, Uint8Array.of(1, 2)], { texts })).rejects.toThrow(
      'image 1: cannot be decoded as an image',
    );
  });
});
