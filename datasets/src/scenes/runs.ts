/**
 * COCO's masks as runs: polygons, counts and their compressed text, exactly as pycocotools computes them (`maskApi.c`: `rleFrPoly`,
 * `rleFrString`).
 */

/** The lengths of runs of pixels that are outside and inside of an object by turns, beginning outside, column by column. */
export type Runs = readonly number[];

/** The factor by which polygons are drawn larger before their pixels are chosen. */
const scale = 5;

/** A corner this many times further away than the picture is long is an error; the time to draw an edge grows with its length. */
const furthest = 16;

const toInt = (value: number): number => Math.trunc(scale * value + 0.5);

/**
 * The pixels within a polygon.
 *
 * @param corners x and y of each corner by turns, in pixels
 * @throws for fewer than three corners, and for corners that are not numbers or far away
 */
export function polygonRuns(corners: readonly number[], height: number, width: number): Runs {
  const count = corners.length / 2;
  if (!Number.isInteger(count) || count < 3)
    throw new Error(`a polygon of ${corners.length} numbers; expected x and y of three corners or more`);
  const limit = furthest * (height + width);
  const wrong = corners.find((value) => typeof value !== 'number' || !(Math.abs(value) <= limit));
  if (wrong !== undefined) throw new Error(`a polygon with the coordinate ${wrong}`);
  const boundary = boundaryPoints(corners, count);
  return boundaryRuns(crossings(boundary, height, width));
}

/** Points along the edges, enlarged. */
function boundaryPoints(corners: readonly number[], count: number): { u: number[]; v: number[] } {
  const [u, v]: [number[], number[]] = [[], []];
  for (let j = 0; j < count; j++) {
    const next = (j + 1) % count;
    let [xs, ys] = [toInt(corners[2 * j] as number), toInt(corners[2 * j + 1] as number)];
    let [xe, ye] = [toInt(corners[2 * next] as number), toInt(corners[2 * next + 1] as number)];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    const flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
    if (flip) [xs, xe, ys, ye] = [xe, xs, ye, ys];
    if (dx >= dy) {
      const slope = (ye - ys) / dx;
      for (let d = 0; d <= dx; d++) {
        const t = flip ? dx - d : d;
        u.push(t + xs);
        v.push(Math.trunc(ys + slope * t + 0.5));
      }
    } else {
      const slope = (xe - xs) / dy;
      for (let d = 0; d <= dy; d++) {
        const t = flip ? dy - d : d;
        v.push(t + ys);
        u.push(Math.trunc(xs + slope * t + 0.5));
      }
    }
  }
  return { u, v };
}

/** Where the boundary crosses the centers of columns, as numbers of pixels, ascending, and the number of all pixels. */
function crossings({ u, v }: { u: readonly number[]; v: readonly number[] }, height: number, width: number): number[] {
  const places: number[] = [];
  for (let j = 1; j < u.length; j++) {
    const [now, before] = [u[j] as number, u[j - 1] as number];
    if (now === before) continue;
    const x = ((now < before ? now : now - 1) + 0.5) / scale - 0.5;
    if (Math.floor(x) !== x || x < 0 || x > width - 1) continue;
    const y = (Math.min(v[j] as number, v[j - 1] as number) + 0.5) / scale - 0.5;
    places.push(x * height + Math.ceil(Math.min(height, Math.max(0, y))));
  }
  places.push(height * width);
  return places.sort((a, b) => a - b);
}

/** Runs between crossings; two crossings at one place cancel each other. */
function boundaryRuns(places: readonly number[]): Runs {
  const steps = places.map((place, j) => place - (places[j - 1] ?? 0));
  const runs = [steps[0] as number];
  for (let j = 1; j < steps.length; ) {
    const step = steps[j++] as number;
    if (step > 0) runs.push(step);
    else if (j < steps.length) runs[runs.length - 1] = (runs.at(-1) as number) + (steps[j++] as number);
  }
  return runs;
}

/** The runs in a compressed text: 5 bits in each character, differences to the run before the last from the fourth run on. */
export function textRuns(text: string): Runs {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let shift = 0; ; shift += 5) {
      const code = text.charCodeAt(at++) - 48;
      if (!(code >= 0 && code < 64) || shift > 30) throw new Error('compressed counts that are damaged');
      value += (code & 0x1f) * 2 ** shift;
      if ((code & 0x20) !== 0) continue;
      if ((code & 0x10) !== 0) value -= 2 ** (shift + 5);
      break;
    }
    runs.push(runs.length > 2 ? value + (runs[runs.length - 2] as number) : value);
  }
  return runs;
}

/** COCO's forms of an object's outline. */
export type Segmentation =
  | readonly (readonly number[])[]
  | { readonly size: readonly number[]; readonly counts: string | readonly number[] };

/**
 * The pixels of an object: those within any of the polygons, or those of the counts.
 *
 * @throws for an outline of another form or size
 */
export function segmentationRuns(outline: Segmentation, height: number, width: number): readonly Runs[] {
  if (Array.isArray(outline)) return (outline as number[][]).map((polygon) => polygonRuns(polygon, height, width));
  const { size, counts } = outline as Exclude<Segmentation, readonly (readonly number[])[]>;
  if (size?.[0] !== height || size?.[1] !== width)
    throw new Error(`counts for ${size?.join(' x ')} pixels (height x width); the picture has ${height} x ${width}`);
  const runs = typeof counts === 'string' ? textRuns(counts) : counts;
  const isRuns = Array.isArray(runs) && runs.every((run) => Number.isInteger(run) && run >= 0);
  const sum = isRuns ? runs.reduce((total, run) => total + run, 0) : Number.NaN;
  if (sum !== height * width) throw new Error(`counts of ${sum} pixels; expected ${height * width}`);
  return [runs];
}

/** Calls `paint` with the number of each pixel of the runs, row by row: y * width + x. */
export function eachPixel(runs: Runs, height: number, width: number, paint: (at: number) => void): void {
  let place = 0;
  for (const [k, run] of runs.entries()) {
    if (k % 2 === 1) {
      let [x, y] = [Math.floor(place / height), place % height];
      for (let n = 0; n < run; n++) {
        paint(y * width + x);
        if (++y === height) [x, y] = [x + 1, 0];
      }
    }
    place += run;
  }
}
