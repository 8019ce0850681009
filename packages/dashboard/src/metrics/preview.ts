/** A first look at a large metrics file: single steps, evenly spread over it, so that its curves can be drawn before it is indexed. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { GroupTable } from './group-table.ts';
import { sampleOf } from './metrics-index.ts';
import { isStep, secondsOf } from './parse-step.ts';
import { type Line, linesOneByOne } from './read-lines.ts';

/** The number of places that are looked at. */
const places = 400;
/** Bytes that are read at each place: enough for two lines of a usual run. */
const window = 1536;

/** Samples of a file. The time in training steps is estimated from the durations of the samples. */
export function previewOf(path: string, batchSize: number | null): GroupTable {
  const table = new GroupTable();
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.allocUnsafe(window);
    let lastStep = 0;
    let elapsed = 0;
    for (let k = 0; k < places; k++) {
      const position = k === places - 1 ? Math.max(0, size - window) : Math.floor((k / places) * size);
      const bytes = buffer.subarray(0, readSync(file, buffer, 0, window, position));
      const skipped = position === 0 ? 0 : bytes.indexOf(0x0a) + 1;
      const lines = linesOneByOne(bytes.subarray(skipped), position + skipped);
      const isUsable = ({ record }: Line): boolean =>
        record !== null && isStep(record) && (record.step as number) > lastStep;
      // Of the others only the first is parsed, which takes a fifth of the time.
      const line = k === places - 1 ? [...lines].findLast(isUsable) : lines.find(isUsable);
      if (line?.record == null) continue;
      const step = line.record.step as number;
      elapsed += (step - lastStep) * secondsOf(line.record, batchSize);
      lastStep = step;
      table.add(sampleOf(line.record, line.offset, elapsed));
    }
  } finally {
    closeSync(file);
  }
  return table;
}
