/** Generated drawings, as data for benchmarks. */
import { feature, writeDataset } from '@tessera/data';
import sharp from 'sharp';

/** Side of the drawings, in pixels. */
const side = 96;

const shades = ['red', 'yellow', 'green', 'cyan', 'blue', 'purple'] as const;

/** A drawing similar to an emoji, as PNG. */
function draw(row: number): Promise<Buffer> {
  const hue = (row * 47) % 360;
  const [x, y, r] = [20 + ((row * 7) % 56), 20 + ((row * 13) % 56), 8 + ((row * 5) % 24)];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">` +
    `<radialGradient id="g"><stop offset="0" stop-color="hsl(${hue},90%,70%)"/><stop offset="1" stop-color="hsl(${hue},80%,40%)"/></radialGradient>` +
    `<circle cx="48" cy="48" r="44" fill="url(#g)"/><circle cx="${x}" cy="${y}" r="${r}" fill="hsl(${hue + 120},70%,50%)"/>` +
    `<rect x="${y}" y="${x}" width="${r}" height="${r}" transform="rotate(${row} 48 48)" fill="hsl(${hue + 240},70%,50%)"/></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** Writes a dataset of `rows` drawings with captions and class labels. Only the first `different` ones are distinct. */
export async function writeDrawings(path: string, rows: number, different = rows): Promise<void> {
  const images = await Promise.all(Array.from({ length: Math.min(rows, different) }, (_, row) => draw(row)));
  async function* drawings(): AsyncGenerator<Record<string, unknown>> {
    for (let row = 0; row < rows; row++) {
      const which = row % different;
      const label = Math.floor(((which * 47) % 360) / 60);
      yield { image: { bytes: images[which], path: `${row}.png` }, caption: `drawing number ${which}`, label };
    }
  }
  const features = { image: feature.image(), caption: feature.value('string'), label: feature.classLabel([...shades]) };
  await writeDataset(path, { features }, { train: drawings() });
}
