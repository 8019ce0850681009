/** CLIP from files of weights outside of a run. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLIP, presets } from '@tessera/models';
import { init } from '@tessera/nn';
import { saveWeights } from '@tessera/weights';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadCLIPFile } from './load-clip-file.ts';
import { useTestBackend } from './testing/backend.ts';

const files = fileURLToPath(new URL('../../weights/weight-files/', import.meta.url));
const tokenizers = fileURLToPath(new URL('../../data/data-files/tokenizers/', import.meta.url));

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'clip-file-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

it("CLIP with OpenAI's tokenizer is loaded, and keeps the file's values when others are loaded into it", async () => {
  const { vision, ...preset } = presets['vit-tiny-64'];
  const text = { contextLength: 77, vocabularySize: 49408, width: 8, layers: 1, heads: 1 };
  const path = join(root, 'clip.safetensors');
  await saveWeights(new CLIP({ ...preset, vision: { ...vision, width: 8, heads: 1, layers: 1 }, text }), path);
  const { subject, checkpoint, assumptions } = await loadCLIPFile(path);
  const model = subject.model as CLIP;
  const tokenizer = subject.text?.tokenizer;
  expect(assumptions).toEqual([]);
  expect(tokenizer?.encode('a photo of a cat')).toContain(2368);
  const bias = checkpoint.modelState().get('ln_final.weight');
  const before = await bias?.data();
  model.text.ln_final.weight?.initialize(init.constant(7));
  model.loadStateDict(new Map([...model.stateDict()].map(([name, value]) => [name, value.mul(0)])));
  expect(await checkpoint.modelState().get('ln_final.weight')?.data()).toEqual(before);
});

it('CLIP with a tokenizer of its own is loaded with the one in its folder, if its end token is the largest id', async () => {
  const { vision, ...preset } = presets['vit-tiny-64'];
  const text = { contextLength: 16, vocabularySize: 914, width: 8, layers: 1, heads: 1 };
  const folder = join(root, 'own');
  await saveWeights(new CLIP({ ...preset, vision: { ...vision, width: 8, heads: 1, layers: 1 }, text }), folder, {
    names: 'hugging-face',
  });
  await expect(loadCLIPFile(folder)).rejects.toThrow("the text tower has 914 tokens, so its tokenizer is not OpenAI's");
  await fs.cp(join(tokenizers, 'clip'), folder, { recursive: true });
  const { subject } = await loadCLIPFile(folder);
  const half = subject.text;
  expect([half?.tokenizer.vocabSize, half?.contextLength]).toEqual([914, 16]);
  expect((await half?.encode(['a cat', '']))?.shape).toEqual([2, preset.embedDim]);
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await fs.cp(join(tokenizers, 'siglip', name), join(folder, name));
  await expect(loadCLIPFile(folder)).rejects.toThrow(/own: the tokenizer ends a text with the token 1, but CLIP needs/);
});

it.each([
  [
    'open-clip-vit/open_clip_pytorch_model.bin',
    "the text tower has 50 tokens, so its tokenizer is not OpenAI's; put its own (tokenizer.json)",
  ],
  ['timm-deit/weights.pth', "is timm's Vision Transformer or DeiT; outside of a run only CLIP can be evaluated"],
])('%s is refused', async (file, message) => {
  await expect(loadCLIPFile(join(files, file))).rejects.toThrow(message);
});
