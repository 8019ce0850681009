/** Inferno at nine places (Smith and van der Walt, matplotlib): even steps of lightness, dark to bright, also without colour vision. */
const anchors: readonly (readonly [red: number, green: number, blue: number])[] = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
];

/** The colour of a value from 0 (dark) to 1 (bright), channels from 0 to 255; values outside have the colour of the nearest end. */
export function colorOf(value: number): [red: number, green: number, blue: number] {
  const place = Math.min(1, Math.max(0, value)) * (anchors.length - 1);
  const lower = Math.min(Math.floor(place), anchors.length - 2);
  const share = place - lower;
  return [0, 1, 2].map((c) => (1 - share) * anchors[lower][c] + share * anchors[lower + 1][c]) as [
    number,
    number,
    number,
  ];
}
