/** Generated JPEG files that are as costly to decode as photographs, as data for benchmarks. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CounterRandom, feature, purpose, writeDataset } from '@tessera/data';
import sharp from 'sharp';

/** Widths and heights in pixels, as photographs on the web have them. */
const sizes = [
  [500, 375],
  [500, 400],
  [375, 500],
  [640, 480],
  [500, 333],
  [480, 640],
] as const;

/** Each octave of the noise has twice the frequency of the one before, and this share of its contrast. */
const persistence = 0.66;
const octaves = 7;

/** Noise at all scales, as in photographs, with some objects that have edges. At quality 90 a file has about 50 kB. */
async function photograph(row: number): Promise<Buffer> {
  const [width, height] = sizes[row % sizes.length] as readonly [number, number];
  const random = new CounterRandom(0, purpose.order, 0, row);
  const sum = new Float32Array(width * height * 3).fill(128);
  for (let octave = 0; octave < octaves; octave++) {
    const side = 3 * 2 ** octave;
    const noise = Uint8Array.from({ length: side * side * 3 }, () => random.below(256));
    const smooth = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    const contrast = 0.8 * persistence ** octave;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + contrast * ((smooth[i] as number) - 128);
  }
  const pixels = Uint8ClampedArray.from(sum, (value) => value + random.uniform(-7, 7));
  const objects = Array.from({ length: 6 }, () => {
    const [x, y, w, h] = [width, height, 150, 150].map((most) => random.below(most));
    return `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="hsl(${random.below(360)},55%,45%)" opacity="0.8"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${objects.join('')}</svg>`;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Repeated photographs are decoded again, so decoding them takes the same time. */
const differentPhotographs = 24;

/** Writes `rows` photographs twice: as a dataset in `folder/dataset`, and as files in `folder/files`. */
export async function writePhotographs(
  folder: string,
  rows: number,
): Promise<{ readonly dataset: string; readonly files: string }> {
  const [dataset, files] = [join(folder, 'dataset'), join(folder, 'files')];
  await mkdir(files);
  const different: Buffer[] = [];
  async function* photographs(): AsyncGenerator<Record<string, unknown>> {
    for (let row = 0; row < rows; row++) {
      if (row < differentPhotographs) different.push(await photograph(row));
      const bytes = different[row % differentPhotographs] as Buffer;
      const name = `${String(row).padStart(5, '0')}.jpg`;
      await writeFile(join(files, name), bytes);
      yield { image: { bytes, path: name } };
    }
  }
  await writeDataset(dataset, { features: { image: feature.image() } }, { train: photographs() });
  return { dataset, files };
}
