// The stream of tokens (round trips, refusals, damage), and the two halves of a model.
import { ImageClassifier, NaViT, VisionTransformer, ViT } from '@tessera/models';
import { init } from '@tessera/nn';
import { manualSeed, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BackHalf, FrontHalf, type SplitModel, UnsplitModel } from './halves.ts';
import { identify } from './identity.ts';
import { type HandOffBatch, placesOnGrid, sequenceOf } from './stream/batch.ts';
import { type HandOffDType, HandOffError, type HandOffHeader, handOffDTypes } from './stream/header.ts';
import { type ReadHandOffOptions, type ReceivedBatch, readHandOff } from './stream/read.ts';
import { writeHandOff } from './stream/write.ts';

const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

beforeAll(() => {
  setDefaultBackend('wasm');
  manualSeed(5);
});

const model = { tower: 'ViT', configuration: 'a'.repeat(64), weights: 'b'.repeat(64) };
const header: HandOffHeader = {
  ...{ version: 1, model, dtype: 'f32', tokens: 7, width: 4, prefix: 1, grid: [2, 3], layout: 'grid' },
  ...{ mask: false, batchSize: 3 },
};
const packed: HandOffHeader = { ...header, tokens: 6, prefix: 0, grid: [4, 4], layout: 'packed' };

/** A batch of numbers that f16 and bf16 represent exactly. */
function batchOf(h: HandOffHeader, size = h.batchSize, first = 0): HandOffBatch {
  const { tokens, width } = h;
  const isPacked = h.layout === 'packed';
  return {
    size,
    tokens: Float32Array.from({ length: size * tokens * width }, (_, i) => ((i + first) % 200) / 8 - 12),
    mask: h.mask ? Uint8Array.from({ length: size * tokens }, (_, i) => Number(i % 3 !== 2)) : null,
    image: isPacked ? Int32Array.from({ length: size * tokens }, (_, i) => [0, 0, 0, 1, 1, -1][i % 6] ?? 0) : null,
    coordinates: isPacked
      ? Int32Array.from({ length: size * tokens * 2 }, (_, i) => [0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0][i % 12] ?? 0)
      : placesOnGrid(h, size),
    ids: Array.from({ length: size }, (_, k) => `żółć-${first + k}.png`),
  };
}

async function bytesOf(h: HandOffHeader, batches: readonly HandOffBatch[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeHandOff(h, batches)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes in pieces, as they come from a socket. */
async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(
  bytes: Uint8Array,
  options: ReadHandOffOptions = {},
  size?: number,
): Promise<{ header: HandOffHeader; batches: ReceivedBatch[] }> {
  const { header: found, batches } = await readHandOff(pieces(bytes, size), options);
  const all: ReceivedBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return { header: found, batches: all };
}

describe('a stream is read as it was written', () => {
  const variants: Record<string, HandOffHeader> = {
    ...Object.fromEntries(handOffDTypes.map((dtype) => [dtype, { ...header, dtype }])),
    'with a mask': { ...header, mask: true },
    'without class token': { ...header, prefix: 0, tokens: 6 },
    packed,
    'packed, f16': { ...packed, dtype: 'f16' },
  };
  it.each(Object.entries(variants))('%s', async (_, h) => {
    const sent = [batchOf(h), batchOf(h, 3, 50), batchOf(h, 2, 90)];
    const bytes = await bytesOf(h, sent);
    for (const size of [1, 13, 1 << 20])
      expect(await readAll(bytes, {}, size)).toEqual({
        header: h,
        batches: sent.map((batch) => ({ ...batch, nonFinite: 0 })),
      });
  });

  it('without batches', async () => {
    expect(await readAll(await bytesOf(header, []))).toEqual({ header, batches: [] });
  });

  it('32 x 197 x 768 in f16: 9.68 MB, within 1 %', async () => {
    const h: HandOffHeader = { ...header, dtype: 'f16', tokens: 197, width: 768, grid: [14, 14], batchSize: 32 };
    const bytes = await bytesOf(h, [batchOf(h)]);
    expect(h.batchSize * h.tokens * h.width).toBe(4_841_472);
    expect(Math.abs(bytes.length / 9_682_944 - 1)).toBeLessThan(0.01);
    const f32 = await bytesOf({ ...h, dtype: 'f32' }, [batchOf(h)]);
    expect(Math.abs(f32.length / (2 * 9_682_944) - 1)).toBeLessThan(0.01);
  });

  it('tokens in f32 are views of the received bytes, and large batches are sent without a copy', async () => {
    const h = { ...header, tokens: 257, grid: [16, 16] as const, width: 64 };
    const batch = batchOf(h);
    const chunks: Uint8Array[] = [];
    for await (const chunk of writeHandOff(h, [batch])) chunks.push(chunk);
    expect(chunks.some(({ buffer }) => buffer === batch.tokens.buffer)).toBe(true);
    const [received] = (await readAll(Buffer.concat(chunks))).batches;
    expect((received as ReceivedBatch).tokens.buffer.byteLength).toBeGreaterThan(batch.tokens.byteLength);
  });

  it('the next batch is requested after the last one was taken', async () => {
    let made = 0;
    async function* batches(): AsyncGenerator<HandOffBatch> {
      for (; made < 10; made++) yield batchOf(header);
    }
    const chunks = writeHandOff(header, batches());
    await chunks.next();
    expect(made).toBe(0);
    await chunks.next();
    await chunks.next();
    expect(made).toBe(1);
    await chunks.return();
    expect(made).toBe(1);
  });
});

describe('the sender rejects', () => {
  it.each<[string, HandOffHeader, Partial<HandOffBatch>, string]>([
    [
      'too few tokens',
      header,
      { tokens: new Float32Array(5) },
      'tokens: 5 values; the header announces 84 for 3 sequences',
    ],
    ['NaN', header, { tokens: new Float32Array(84).fill(Number.NaN, 0, 2) }, '2 of 84 numbers are not finite in f32'],
    [
      'a number that is too large for f16',
      { ...header, dtype: 'f16' },
      { tokens: new Float32Array(84).fill(70_000, 0, 1) },
      '1 of 84 numbers are not finite in f16, whose largest number is 65504; use bf16 or f32',
    ],
    [
      'a mask that was not announced',
      header,
      { mask: new Uint8Array(21) },
      'mask: 21 values; the header announces none',
    ],
    ['no mask', { ...header, mask: true }, { mask: null }, 'mask: no values; the header announces 21'],
    ['too many sequences', header, { size: 4 }, 'a batch of 4 sequences; the header announces 1 to 3'],
    [
      'a place off the grid',
      packed,
      { coordinates: new Int32Array(36).fill(4) },
      '(4, 4) at sequence 0, token 0 is not on the grid of 4 x 4',
    ],
    [
      'an invalid image index',
      packed,
      { image: new Int32Array(18).fill(-2) },
      'image: index -2 at sequence 0, token 0',
    ],
    ['a long id', header, { ids: ['a', 'b', 'c'.repeat(5000)] }, 'has more than 4096 bytes'],
    [
      'a grid that does not fit',
      { ...header, grid: [2, 2] },
      {},
      'announces sequences of 7 tokens, but 1 + 2 x 2 patches are 5',
    ],
  ])('%s', async (_, h, change, message) => {
    const attempt = bytesOf(h, [{ ...batchOf(h), ...change }]);
    await expect(attempt).rejects.toThrow(HandOffError);
    await expect(bytesOf(h, [{ ...batchOf(h), ...change }])).rejects.toThrow(message);
  });
});

describe('the receiver rejects', () => {
  const replaced = (bytes: Buffer, from: string, to: string): Buffer => {
    expect(to.length).toBe(from.length);
    const at = bytes.indexOf(from);
    expect(at).toBeGreaterThan(0);
    const copy = Buffer.from(bytes);
    copy.write(to, at);
    return copy;
  };

  it.each<[string, string, string, string]>([
    ['another version', '"version":1', '"version":2', 'has version 2, but only version 1 can be read'],
    ['an unknown dtype', '"dtype":"f32"', '"dtype":"f64"', 'tessera_hand_off.dtype'],
    [
      'a length that contradicts the grid',
      '"tokens":7',
      '"tokens":8',
      'announces sequences of 8 tokens, but 1 + 2 x 3',
    ],
    [
      'columns that differ from the header',
      '"width":4',
      '"width":5',
      'has the columns tokens: FixedSizeList[28]<Float32>',
    ],
    ['invalid JSON', '{"version":1', '["version":1', 'tessera_hand_off is not JSON'],
    ['an unknown key', '"width"', '"wydth"', 'is damaged: tessera_hand_off.width'],
    ['an invalid hash', 'aaaa', 'zzzz', 'tessera_hand_off.model.configuration'],
  ])('%s', async (_, from, to, message) => {
    const bytes = await bytesOf(header, [batchOf(header)]);
    await expect(readAll(replaced(bytes, from, to))).rejects.toThrow(message);
  });

  it('absurd sizes, before memory is allocated', async () => {
    const large = {
      ...header,
      tokens: 2 ** 16 + 1,
      grid: [2 ** 8, 2 ** 8] as const,
      width: 2 ** 12,
      batchSize: 2 ** 10,
    };
    const chunks = writeHandOff(large, []);
    await expect(readHandOff(chunks)).rejects.toThrow(
      /announces batches of \d{13} bytes .* at most 1073741824 are accepted/,
    );
    const small = await bytesOf(header, [batchOf(header)]);
    await expect(readAll(small, { maxBatchBytes: 1000 })).rejects.toThrow('at most 1000 are accepted');
  });

  it('NaN and infinity, or counts them', async () => {
    const bytes = await bytesOf(header, [batchOf(header)]);
    // Two numbers, -11.5 and -11.375, become NaN and infinity.
    const pattern = Buffer.from(new Float32Array([-11.5, -11.375]).buffer);
    const at = bytes.indexOf(pattern);
    bytes.writeFloatLE(Number.NaN, at);
    bytes.writeFloatLE(Number.POSITIVE_INFINITY, at + 4);
    await expect(readAll(bytes)).rejects.toThrow('batch 0: tokens: 2 of 84 numbers are infinite or NaN');
    expect((await readAll(bytes, { nonFinite: 'count' })).batches[0]?.nonFinite).toBe(2);
  });

  it('a place off the grid', async () => {
    const bytes = await bytesOf(packed, [batchOf(packed)]);
    const at = bytes.indexOf(Buffer.from(new Int32Array([0, 0, 0, 1, 0, 2]).buffer));
    bytes.writeInt32LE(77, at);
    await expect(readAll(bytes)).rejects.toThrow(
      'batch 0: coordinates: (77, 0) at sequence 0, token 0 is not on the grid of 4 x 4',
    );
  });

  it('a stream that ends too early, at any place, and one with bytes after its end', async () => {
    const bytes = await bytesOf(header, [batchOf(header), batchOf(header, 2)]);
    for (let end = 0; end < bytes.length; end += 7)
      await expect(readAll(bytes.subarray(0, end)), `cut at ${end}`).rejects.toThrow(
        /is truncated: it ends at byte \d+; expected .*\. Did the sender stop\?/,
      );
    await expect(readAll(Buffer.concat([bytes, bytes]))).rejects.toThrow('bytes follow the end of the stream');
  });

  it('other formats', async () => {
    await expect(readAll(Buffer.from('hello, this is text'))).rejects.toThrow('it is not an Arrow IPC stream');
    await expect(readAll(Buffer.alloc(0))).rejects.toThrow('is truncated: it ends at byte 0; expected the schema');
  });

  it(`random damage is a HandOffError or does no harm (seed ${seed})`, async () => {
    const variants = [header, { ...header, mask: true, dtype: 'bf16' as const }, packed];
    const streams = await Promise.all(variants.map((h) => bytesOf(h, [batchOf(h), batchOf(h, 2)])));
    const damage = fc.record({ at: fc.nat(8000), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) });
    let rejected = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(damage, { minLength: 1, maxLength: 4 }), async (which, damages) => {
        const copy = Buffer.from(streams[which] ?? []);
        for (const { at, value } of damages) copy[at % copy.length] = value;
        try {
          const { header: found, batches } = await readAll(copy, { nonFinite: 'count', maxBatchBytes: 2 ** 20 });
          for (const batch of batches) expect(batch.tokens.length).toBe(batch.size * found.tokens * found.width);
        } catch (error) {
          rejected++;
          expect(error).toBeInstanceOf(HandOffError);
        }
      }),
      { numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 600), seed },
    );
    expect(rejected).toBeGreaterThan(50);
  });
});

describe('halves', () => {
  const linear = new ViT({ imageSize: 8, patchSize: 4, width: 16, depth: 2, heads: 2, classes: 3 });
  const split: SplitModel = { output: 'logits', tower: linear, head: null, description: { heads: 2 } };
  const pixels = Uint8Array.from({ length: 5 * 8 * 8 * 3 }, (_, i) => (i * 37) % 251);
  const ids = ['a', 'b', 'c', 'd', 'e'];

  async function throughStream(dtype: HandOffDType, back: SplitModel = split): Promise<Float32Array> {
    const front = await FrontHalf.of(split, { dtype, batchSize: 8 });
    const bytes = await bytesOf(front.header, [await front.encode(pixels, ids)]);
    const { header: found, batches } = await readAll(bytes);
    const half = await BackHalf.of(back, found);
    return half.run(batches[0] as ReceivedBatch);
  }

  it.each(handOffDTypes)('compute the bits of the whole model, in %s', async (dtype) => {
    const whole = await new UnsplitModel(split, { dtype, batchSize: 8 }).run(pixels);
    expect(whole.length).toBe(15);
    expect(await throughStream(dtype)).toEqual(whole);
  });

  it('with a head after the tower: a classifier', async () => {
    const classifier = new ImageClassifier(linear, 4);
    const whole = { ...split, head: classifier.head };
    const front = await FrontHalf.of(whole, { dtype: 'f32', batchSize: 8 });
    const { header: found, batches } = await readAll(await bytesOf(front.header, [await front.encode(pixels, ids)]));
    const logits = await (await BackHalf.of(whole, found)).run(batches[0] as ReceivedBatch);
    expect(logits.length).toBe(20);
    expect(logits).toEqual(await new UnsplitModel(whole, { dtype: 'f32', batchSize: 8 }).run(pixels));
    await expect(BackHalf.of(split, found)).rejects.toThrow('another configuration');
  });

  it('of different models are not combined', async () => {
    const other = new ViT({ imageSize: 8, patchSize: 4, width: 16, depth: 2, heads: 2, classes: 3 });
    const wider = new ViT({ imageSize: 8, patchSize: 4, width: 32, depth: 2, heads: 2, classes: 3 });
    const deeper = new ViT({ imageSize: 8, patchSize: 4, width: 16, depth: 3, heads: 2, classes: 3 });
    const refusal = (change: Partial<SplitModel>) => throughStream('f32', { ...split, ...change });
    await expect(refusal({ tower: other })).rejects.toThrow('of the same configuration with other weights');
    await expect(refusal({ tower: deeper })).rejects.toThrow('another configuration');
    await expect(refusal({ description: { heads: 4 } })).rejects.toThrow('another configuration');
    await expect(refusal({ tower: wider })).rejects.toThrow(
      'has tokens [B, 5, 16] (1 + 2 x 2 patches); this model takes [B, 5, 32] (1 + 2 x 2 patches)',
    );
    await expect(refusal({ tower: new VisionTransformer(8, 4, 16, 2, 2, 8) })).rejects.toThrow('another configuration');
  });

  it('a mask is sent to the back half: masked tokens make no difference', async () => {
    const front = await FrontHalf.of(split, { dtype: 'f32', batchSize: 2 });
    const h = { ...front.header, mask: true };
    const batch = await front.encode(pixels.subarray(0, 2 * 192), ['a', 'b']);
    const mask = Uint8Array.from([1, 1, 1, 1, 0, 1, 1, 1, 1, 0]);
    const noisy = batch.tokens.map((x, i) => (Math.floor(i / 16) % 5 === 4 ? x + 3 : x));
    const run = async (tokens: Float32Array, shown: Uint8Array): Promise<Float32Array> => {
      const { header: found, batches } = await readAll(await bytesOf(h, [{ ...batch, tokens, mask: shown }]));
      return (await BackHalf.of(split, found)).run(batches[0] as ReceivedBatch);
    };
    expect(await run(noisy, mask)).toEqual(await run(batch.tokens, mask));
    const open = new Uint8Array(10).fill(1);
    expect(await run(noisy, open)).not.toEqual(await run(batch.tokens, open));
  });

  it('of a NaViT: images, rows and columns are sent with the tokens', async () => {
    const navit = new NaViT({
      patchSize: 4,
      width: 16,
      depth: 2,
      heads: 2,
      maxGrid: 4,
      classes: 3,
      positions: 'rotary',
    });
    const image = (height: number, width: number): Tensor => init.normal()([3, height, width]);
    const batch = navit.pack([image(8, 12), image(16, 4), image(4, 4)], { maxTokens: 8 });
    const { tokens, image: owner, row, column } = navit.embed(batch);
    const [size, length, width] = tokens.shape as [number, number, number];
    const h: HandOffHeader = {
      ...{ version: 1, model: await identify({ navit }, {}), dtype: 'f32', tokens: length, width, prefix: 0 },
      ...{ grid: [4, 4], layout: 'packed', mask: false, batchSize: size },
    };
    const [rows, columns] = [await row.data(), await column.data()];
    const sent: HandOffBatch = {
      size,
      tokens: (await tokens.data()) as Float32Array,
      mask: null,
      image: (await owner.data()) as Int32Array,
      coordinates: Int32Array.from({ length: 2 * rows.length }, (_, i) => (i % 2 ? columns : rows)[i >> 1] as number),
      ids: Array.from({ length: size }, (_, k) => String(k)),
    };
    const [received] = (await readAll(await bytesOf(h, [sent]))).batches as [ReceivedBatch];
    const places = tensor(received.coordinates, { shape: [size, length, 2] });
    const result = navit.forwardTokens(
      {
        tokens: sequenceOf(h, received).tokens,
        image: tensor(received.image as Int32Array, { shape: [size, length] }),
        row: places.select(2, 0),
        column: places.select(2, 1),
      },
      3,
    );
    expect(await result.data()).toEqual(await navit.forward(batch, 3).data());
  });
});
