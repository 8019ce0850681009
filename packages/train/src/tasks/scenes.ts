/** Scenes: pictures on a larger black background, each at a position that depends only on its row. */
import { type Tensor, tensor } from '@tessera/tensor';
import { paste } from '../report/draw.ts';

/** Sizes of pictures and scenes, in pixels. */
export interface SceneSize {
  /** Side of the square pictures. */
  readonly picture: number;
  readonly height: number;
  readonly width: number;
}

/** Evenly spread numbers in [0, 1): the fractional parts of multiples of the golden ratio. */
const spread = (k: number): number => (k * 0.6180339887498949) % 1;

/** Row and column of the top left pixel of a picture in its scene. `row`: the number of the picture in its split. */
export const placeOf = (row: number, { picture, height, width }: SceneSize): readonly [top: number, left: number] => [
  Math.floor(spread(7 * row + 3) * (height - picture + 1)),
  Math.floor(spread(row + 1) * (width - picture + 1)),
];

/**
 * Places each picture of a batch in its own scene.
 *
 * @param pictures u8 [N, picture, picture, 3]
 * @param rows their numbers in the split
 * @returns u8 [N, height, width, 3]
 */
export function placeInScenes(pictures: Uint8Array, rows: Int32Array, size: SceneSize): Tensor {
  const { picture: side, height, width } = size;
  const [from, to] = [side * side * 3, height * width * 3];
  const scenes = new Uint8Array(rows.length * to);
  for (const [k, row] of rows.entries()) {
    const scene = { pixels: scenes.subarray(k * to, (k + 1) * to), height, width };
    const picture = { pixels: pictures.subarray(k * from, (k + 1) * from), height: side, width: side };
    paste(scene, picture, ...placeOf(row, size));
  }
  return tensor(scenes, { shape: [rows.length, height, width, 3] });
}

/** Boxes of the pictures in their scenes, f32 [N, 4]: center x, center y, width, height, as shares of the scene. */
export function sceneBoxes(rows: Int32Array, size: SceneSize): Tensor {
  const { picture: side, height, width } = size;
  const boxes = Array.from(rows, (row) => {
    const [top, left] = placeOf(row, size);
    return [(left + side / 2) / width, (top + side / 2) / height, side / width, side / height];
  });
  return tensor(Float32Array.from(boxes.flat()), { shape: [rows.length, 4] });
}

/** @throws where pictures are larger than their scenes */
export function checkSceneSize({ picture, height, width }: SceneSize): void {
  if (picture > height || picture > width)
    throw new RangeError(
      `data.pictureSize is ${picture}, but a scene has ${height} x ${width} pixels: choose smaller pictures or larger scenes`,
    );
}
