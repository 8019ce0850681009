/** Pictures in scenes. */
import { beforeAll, expect, it } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { checkSceneSize, placeInScenes, placeOf, sceneBoxes } from './scenes.ts';

beforeAll(useTestBackend);

const size = { picture: 2, height: 4, width: 6 };
const rows = Int32Array.from({ length: 100 }, (_, row) => row);

it('places pictures everywhere in their scenes, and nowhere else', () => {
  const places = [...rows].map((row) => placeOf(row, size));
  expect(new Set(places.map(([top]) => top))).toEqual(new Set([0, 1, 2]));
  expect(new Set(places.map(([, left]) => left))).toEqual(new Set([0, 1, 2, 3, 4]));
});

it('copies each picture to its place, where its box is', async () => {
  const pictures = new Uint8Array(rows.length * 2 * 2 * 3).fill(200);
  const scenes = placeInScenes(pictures, rows, size);
  expect(scenes.shape).toEqual([rows.length, 4, 6, 3]);
  const pixels = await scenes.data();
  const boxes = await sceneBoxes(rows, size).data();
  for (const row of rows) {
    const [x = 0, y = 0, w = 0, h = 0] = boxes.slice(4 * row, 4 * row + 4);
    const lit = [...pixels.slice(row * 72, (row + 1) * 72)].flatMap((value, at) =>
      value > 0 ? [Math.floor(at / 3)] : [],
    );
    expect(lit).toHaveLength(2 * 2 * 3);
    const [down, across] = [lit.map((at) => Math.floor(at / 6)), lit.map((at) => at % 6)];
    expect([Math.min(...down), Math.max(...down) + 1]).toEqual([(y - h / 2) * 4, (y + h / 2) * 4].map(Math.round));
    expect([Math.min(...across), Math.max(...across) + 1]).toEqual([(x - w / 2) * 6, (x + w / 2) * 6].map(Math.round));
  }
});

it('refuses pictures that are larger than their scenes', () => {
  expect(() => checkSceneSize({ picture: 5, height: 4, width: 6 })).toThrow('a scene has 4 x 6 pixels');
});
