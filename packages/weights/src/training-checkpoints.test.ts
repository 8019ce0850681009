// Checkpoints of training programs: the model in them is found, and what is left out is said.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relativeError } from '@tessera/autograd';
import { ViT } from '@tessera/models';
import { concat, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadWeights } from './load-and-save.ts';
import { readTensors, writeTensors } from './safetensors/tensor-files.ts';

registerReferenceBackends();
setDefaultBackend('wasm');

const folder = fileURLToPath(new URL('../weight-files/training-checkpoints/', import.meta.url));

let scratch: string;
let expected: Map<string, Tensor>;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'checkpoints-'));
  expected = (await readTensors(join(folder, 'expected.safetensors'))).select((name) => name);
});
afterAll(() => fs.rm(scratch, { recursive: true }));

/** The difference to timm's logits. */
async function errorOf(path: string, key?: string): Promise<{ error: number; notes: readonly string[] }> {
  const { model, notes } = await loadWeights(path, key === undefined ? {} : { key });
  expect(model).toBeInstanceOf(ViT);
  model.eval();
  const logits = (model as ViT).forward(expected.get('input/image') as Tensor);
  return { error: relativeError(await logits.data(), await (expected.get('output/logits') as Tensor).data()), notes };
}

describe('the model in a checkpoint', () => {
  it.each<[string, readonly string[]]>([
    ['lightning.ckpt', ['the model is below model']],
    [
      'lightning-net.ckpt',
      ['the model is below net', "left out, as not part of timm's Vision Transformer or DeiT: loss.weight"],
    ],
    ['timm.pth.tar', ['read state_dict; not read: state_dict_ema, which --weights-key can choose']],
    ['imagenet-example.pth.tar', ['read state_dict; not read: best_acc1, which --weights-key can choose']],
    [
      'mae.pth',
      [
        "left out, as not part of timm's Vision Transformer or DeiT: mask_token, decoder_pos_embed, decoder_embed.weight, decoder_blocks.0.norm1.weight, decoder_pred.bias",
      ],
    ],
    [
      'moco.pth.tar',
      [
        'the model is below module.encoder_q',
        expect.stringMatching(
          /^left out, as not part of timm's .*: module\.encoder_k\.cls_token, .* and \d+ more$/,
        ) as unknown as string,
      ],
    ],
    ['nested.pth', []],
    ['net.pth', []],
    ['numpy.pth', []],
    ['compiled.pth', []],
  ])('%s', async (name, notes) => {
    const loaded = await errorOf(join(folder, name));
    expect(loaded.error).toBeLessThan(1e-5);
    expect(loaded.notes).toEqual(notes);
  });

  it.each([
    ['timm.pth.tar', 'state_dict'],
    ['moco.pth.tar', 'module.encoder_q'],
    ['moco.pth.tar', 'state_dict.module.encoder_q'],
    ['nested.pth', 'model.state_dict'],
    ['dino.pth', 'teacher.backbone'],
    ['dino.pth', 'teacher'],
  ])('%s, chosen by the key %s', async (name, key) => {
    expect((await errorOf(join(folder, name), key)).error).toBeLessThan(1e-5);
  });

  it.each([
    ['timm.pth.tar', 'state_dict_ema'],
    ['moco.pth.tar', 'module.encoder_k'],
    ['dino.pth', 'student'],
  ])('%s, another one chosen by the key %s', async (name, key) => {
    expect((await errorOf(join(folder, name), key)).error).toBeGreaterThan(0.01);
  });

  it('is not chosen where there are several', async () => {
    await expect(loadWeights(join(folder, 'dino.pth'))).rejects.toThrow(
      /dino\.pth: contains 2 models: teacher\.backbone, student\.module\.backbone; choose with --weights-key KEY/,
    );
    await expect(loadWeights(join(folder, 'dino.pth'), { key: 'best' })).rejects.toThrow(
      "dino.pth: has no key 'best'; its keys are student, teacher",
    );
  });
});

describe('a safetensors file', () => {
  const changed = async (
    name: string,
    change: (state: Map<string, Tensor>) => Map<string, Tensor>,
  ): Promise<string> => {
    const { model } = await loadWeights(join(folder, 'net.pth'));
    const path = join(scratch, name);
    await writeTensors(path, change(new Map(model.stateDict())));
    return path;
  };

  it('with a key that is the start of the names', async () => {
    const path = await changed(
      'two.safetensors',
      (state) =>
        new Map(
          [...state].flatMap(
            ([name, value]) =>
              [
                [`a.${name}`, value],
                [`b.c.${name}`, value.mul(2)],
              ] as const,
          ),
        ),
    );
    expect((await errorOf(path, 'a')).error).toBeLessThan(1e-5);
    expect((await errorOf(path, 'b.c')).error).toBeGreaterThan(0.01);
    await expect(loadWeights(path)).rejects.toThrow('contains 2 models: a, b.c; choose with --weights-key KEY');
    await expect(loadWeights(path, { key: 'x' })).rejects.toThrow(
      "has no tensors whose names start with 'x.'; names: ",
    );
  });

  it('of which a ViT is the smaller part', async () => {
    const path = await changed('part.safetensors', (state) => {
      const others = Array.from({ length: 50 }, (_, k) => [`text.layer.${k}`, tensor([1, 2])] as const);
      return new Map([...[...state].map(([name, value]) => [`visual.trunk.${name}`, value] as const), ...others]);
    });
    await expect(loadWeights(path)).rejects.toThrow(
      /contains timm's .* below visual\.trunk, and 50 other tensors \(text\.layer\.0, \.\.\.\); choose with --weights-key/,
    );
    expect((await errorOf(path, 'visual.trunk')).error).toBeLessThan(1e-5);
  });

  it('with a single number beside the model', async () => {
    const path = await changed('number.safetensors', (state) => state.set('epoch', tensor([3])));
    const { error, notes } = await errorOf(path);
    expect(error).toBeLessThan(1e-5);
    expect(notes).toEqual(["left out, as not part of timm's Vision Transformer or DeiT: epoch"]);
  });

  it("with DINOv2's own names", async () => {
    const registers = fileURLToPath(new URL('../weight-files/timm-vit-registers/', import.meta.url));
    const { model } = await loadWeights(join(registers, 'weights.pth'));
    const state = new Map(model.stateDict());
    const place = tensor(
      Float32Array.from({ length: 64 }, (_, k) => Math.sin(k)),
      { shape: [1, 1, 64] },
    );
    const renamed = new Map(state);
    renamed.delete('reg_token');
    renamed.set('register_tokens', state.get('reg_token') as Tensor);
    renamed.set('mask_token', tensor([...Array(64).keys()], { shape: [1, 64], dtype: 'f32' }));
    renamed.set('cls_token', (state.get('cls_token') as Tensor).sub(place));
    renamed.set('pos_embed', concat([place, state.get('pos_embed') as Tensor], 1));
    const path = join(scratch, 'dinov2.safetensors');
    await writeTensors(path, renamed);
    const again = (await loadWeights(path)).model as ViT;
    expect(again.prefix).toBe(5);
    const file = (await readTensors(join(registers, 'expected.safetensors'))).select((name) => name);
    again.eval();
    const logits = await again.forward(file.get('input/image') as Tensor).data();
    expect(relativeError(logits, await (file.get('output/logits') as Tensor).data())).toBeLessThan(1e-5);
  });
});
