/** A tiny dataset of scenes for tests: pictures with boxes and masks of the shapes in them. */
import sharp from 'sharp';
import { feature, writeDataset } from '../index.ts';

const [width, height] = [48, 36];
const colors = ['#e02020', '#20a040', '#2040d0'] as const;
const classes = ['square', 'circle'] as const;

/** One to three shapes of a scene; where they are depends only on its number. */
function shapesOf(scene: number): { label: number; box: [number, number, number, number]; color: string }[] {
  return Array.from({ length: 1 + (scene % 3) }, (_, k) => {
    const side = 8 + ((5 * scene + 3 * k) % 5);
    const x = 16 * k + ((7 * scene) % 4);
    return {
      label: (scene + k) % 2,
      box: [x, (11 * scene + 5 * k) % (height - side), side, side],
      color: colors[k] ?? '',
    };
  });
}

/** 12 scenes in the split test, 24 in train. Scene 1 has a crowd, scene 2 a difficult object, and scene 3 no objects. */
export async function writeTinyScenes(path: string): Promise<void> {
  async function* rows(first: number, count: number): AsyncGenerator<Record<string, unknown>> {
    for (let scene = first; scene < first + count; scene++) {
      const shapes = scene === 3 ? [] : shapesOf(scene);
      const drawings = shapes.map(({ label, box: [x, y, side], color }) =>
        label === 0
          ? `<rect x="${x}" y="${y}" width="${side}" height="${side}" fill="${color}"/>`
          : `<circle cx="${x + side / 2}" cy="${y + side / 2}" r="${side / 2}" fill="${color}"/>`,
      );
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${drawings.join('')}</svg>`;
      const mask = new Uint8Array(width * height);
      for (const { label, box } of shapes) {
        const [left, top, side] = box;
        for (let y = top; y < top + side; y++)
          for (let x = left; x < left + side; x++) {
            const [dx, dy] = [x + 0.5 - left - side / 2, y + 0.5 - top - side / 2];
            if (label === 0 || Math.hypot(dx, dy) < side / 2) mask[y * width + x] = label + 1;
          }
      }
      // A border that does not count.
      mask.fill(255, 0, width);
      const gray = sharp(mask, { raw: { width, height, channels: 1 } }).toColourspace('b-w');
      yield {
        image: await sharp(Buffer.from(svg)).png().toBuffer(),
        mask: await gray.png().toBuffer(),
        objects: {
          bbox: shapes.map(({ box }) => box),
          category: shapes.map(({ label }) => label),
          iscrowd: shapes.map((_, k) => scene === 1 && k === 0),
          difficult: shapes.map((_, k) => scene === 2 && k === 0),
        },
      };
    }
  }
  const objects = {
    bbox: feature.list(feature.value('float32')),
    category: feature.classLabel(classes),
    iscrowd: feature.value('bool'),
    difficult: feature.value('bool'),
  };
  const lists = Object.entries(objects).map(([name, member]) => [name, feature.list(member)] as const);
  const features = {
    image: feature.image(),
    mask: feature.image(),
    objects: feature.struct(Object.fromEntries(lists)),
  };
  await writeDataset(path, { features }, { train: rows(0, 24), test: rows(0, 12) });
}
