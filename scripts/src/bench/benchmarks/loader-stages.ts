/** What the parts of loading an image cost, one after the other in one thread. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { augment, augmentations, CounterRandom, decodeImage, type Pixels, purpose, type Split } from '@tessera/data';
import { median } from '../measure/statistics.ts';

/** The time of a part in ms per image, the median over images. */
export interface StageRow {
  readonly stage: string;
  readonly ms: number;
}

/** Images that are measured; the first ones also warm up. */
const mostImages = 128;

async function timed<T>(times: number[], work: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  times.push(performance.now() - start);
  return result;
}

/** The time to hand a batch's pixels from one thread to another and to put them into one array, in ms per image. */
async function transferMs(batchSize: number, imageBytes: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const times: number[] = [];
  for (let k = 0; k < 20; k++) {
    const images = new Uint8Array(batchSize * imageBytes).fill(k);
    await timed(times, () => {
      port1.postMessage(images, [images.buffer]);
      const { message } = receiveMessageOnPort(port2) as { message: Uint8Array };
      new Uint8Array(batchSize * imageBytes).set(message);
    });
  }
  port1.close();
  return median(times) / batchSize;
}

/** Measures reading, decoding, each augmentation, and handing over. */
export async function measureStages(split: Split, imageSize: number, batchSize: number): Promise<StageRow[]> {
  const count = Math.min(mostImages, split.length);
  const reading: number[] = [];
  const decoding: number[] = [];
  const images: Pixels[] = [];
  for (let row = 0; row < count; row++) {
    const { image } = await timed(reading, () => split.row(row, ['image']));
    const { bytes } = image as unknown as { bytes: Uint8Array };
    images.push(await timed(decoding, () => decodeImage(bytes, { kind: 'large', size: imageSize })));
  }
  const out = new Uint8ClampedArray(imageSize * imageSize * 3);
  const rows: StageRow[] = [
    { stage: 'read', ms: median(reading) },
    { stage: 'decode (sharp)', ms: median(decoding) },
  ];
  for (const name of ['clip', 'trivialaugment', 'randaugment'] as const) {
    const times: number[] = [];
    for (const [row, image] of [...images, ...images].entries()) {
      const random = new CounterRandom(0, purpose.augment, 0, row);
      await timed(times, () => augment(image, augmentations[name], imageSize, random, out));
    }
    const stage = name === 'clip' ? 'resample (augmentation clip)' : `resample and augment (${name})`;
    const later = times.slice(images.length);
    rows.push({ stage, ms: later.reduce((sum, time) => sum + time, 0) / later.length });
  }
  return [...rows, { stage: 'transfer', ms: await transferMs(batchSize, out.length) }];
}
