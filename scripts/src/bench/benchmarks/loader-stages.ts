/** What the parts of loading an image cost, one after the other in one thread. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { augment, augmentations, CounterRandom, decodeImage, type Pixels, purpose, type Split } from '@tessera/data';

/** The time of a part in ms per image. */
export interface StageRow {
  readonly stage: string;
  readonly ms: number;
}

/** Images that are measured, after as many that warm up. */
const mostImages = 64;

/** Each part of each image is run this often. The fastest run counts, because other programs only slow it down. */
const repetitions = 3;

/** Adds the fastest time of a part to `times`, in ms. */
async function timed<T>(times: number[], work: () => T | Promise<T>): Promise<T> {
  let fastest = Number.POSITIVE_INFINITY;
  let result: T | undefined;
  for (let run = 0; run < repetitions; run++) {
    const start = performance.now();
    result = await work();
    fastest = Math.min(fastest, performance.now() - start);
  }
  times.push(fastest);
  return result as T;
}

/** The mean of the second half; the first one is the warm-up. */
function meanOfLater(times: readonly number[]): number {
  const later = times.slice(times.length >> 1);
  return later.reduce((sum, time) => sum + time, 0) / later.length;
}

/** The time to hand a batch's pixels from one thread to another and to put them into one array, in ms per image. */
async function transferMs(batchSize: number, imageBytes: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const times: number[] = [];
  for (let k = 0; k < 20; k++)
    await timed(times, () => {
      const images = new Uint8Array(batchSize * imageBytes);
      port1.postMessage(images, [images.buffer]);
      const { message } = receiveMessageOnPort(port2) as { message: Uint8Array };
      new Uint8Array(batchSize * imageBytes).set(message);
    });
  port1.close();
  return meanOfLater(times) / batchSize;
}

/** Measures reading, decoding, each augmentation, and handing over. */
export async function measureStages(split: Split, imageSize: number, batchSize: number): Promise<StageRow[]> {
  const reading: number[] = [];
  const decoding: number[] = [];
  const images: Pixels[] = [];
  for (let k = 0; k < 2 * mostImages; k++) {
    const { image } = await timed(reading, () => split.row(k % split.length, ['image']));
    const { bytes } = image as unknown as { bytes: Uint8Array };
    images.push(await timed(decoding, () => decodeImage(bytes, { kind: 'large', size: imageSize })));
  }
  const out = new Uint8ClampedArray(imageSize * imageSize * 3);
  const rows: StageRow[] = [
    { stage: 'read', ms: meanOfLater(reading) },
    { stage: 'decode (sharp)', ms: meanOfLater(decoding) },
  ];
  for (const name of ['clip', 'trivialaugment', 'randaugment'] as const) {
    const times: number[] = [];
    for (const [row, image] of images.entries())
      await timed(times, () =>
        augment(image, augmentations[name], imageSize, new CounterRandom(0, purpose.augment, 0, row), out),
      );
    const stage = name === 'clip' ? 'resample (augmentation clip)' : `resample and augment (${name})`;
    rows.push({ stage, ms: meanOfLater(times) });
  }
  return [...rows, { stage: 'transfer', ms: await transferMs(batchSize, out.length) }];
}
