/** Drawing on pictures. */
import { expect, it } from 'vitest';
import { classColor, classPicture, drawBox, enlarge, type Picture, paste, plainPicture, sideBySide } from './draw.ts';

/** The red channel, row by row. */
const reds = ({ pixels, height, width }: Picture): number[][] =>
  Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => pixels[(y * width + x) * 3] ?? -1));

it('copies a picture into a larger one, and refuses one that does not fit', () => {
  const canvas = plainPicture(3, 4, [0, 0, 0]);
  paste(canvas, plainPicture(2, 2, [7, 8, 9]), 1, 2);
  expect(reds(canvas)).toEqual([
    [0, 0, 0, 0],
    [0, 0, 7, 7],
    [0, 0, 7, 7],
  ]);
  expect([...canvas.pixels.subarray(-3)]).toEqual([7, 8, 9]);
  expect(() => paste(canvas, plainPicture(2, 2, [0, 0, 0]), 2, 0)).toThrow(
    'paste: a picture of 2 x 2 at row 2, column 0 does not fit into 3 x 4',
  );
});

it('draws the outline of a box, and cuts it off at the edges', () => {
  const box = { top: 1, left: 1, bottom: 4, right: 9 };
  expect(reds(drawBox(plainPicture(5, 4, [0, 0, 0]), box, [1, 1, 1]))).toEqual([
    [0, 0, 0, 0],
    [0, 1, 1, 1],
    [0, 1, 0, 0],
    [0, 1, 1, 1],
    [0, 0, 0, 0],
  ]);
});

it('enlarges, and puts pictures side by side', () => {
  const [one, two] = [plainPicture(1, 1, [1, 1, 1]), plainPicture(1, 1, [2, 2, 2])];
  expect(reds(sideBySide([enlarge(one, 2), enlarge(two, 2)]))).toEqual([
    [1, 1, 255, 2, 2, 255, 255, 255, 255, 255, 255, 255],
    [1, 1, 255, 2, 2, 255, 255, 255, 255, 255, 255, 255],
  ]);
});

it('has a different color for every class', () => {
  const colors = Array.from({ length: 20 }, (_, index) => classColor(index).join());
  expect(new Set(colors).size).toBe(20);
  expect([...classPicture([0, 3], 1, 2).pixels]).toEqual([0, 0, 0, ...classColor(2)]);
});
