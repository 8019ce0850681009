/** tessera data inspect: what is in a dataset, as text, JSON, and a picture of some of its rows. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { checkTarget, type Inspection, inspectDataset } from '@tessera/data/tools';
import { drawPanels, noteLines, type SheetPanel } from '@tessera/train/report';
import { fromCaller, toCaller } from '../call.ts';
import { onInterrupt, UsageError } from '../command.ts';
import { locateDataset } from '../datasets.ts';
import { given, progress, wholeNumber } from './arguments.ts';
import { reportLines } from './report.ts';

export interface InspectArguments {
  readonly split: string[] | undefined;
  readonly rows: string | undefined;
  readonly all: boolean;
  readonly samples: string | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly overwrite: boolean;
}

const side = 160;
const columns = 6;
const usualSamples = 24;

/** A contact sheet: some rows of each split, with their labels and captions. */
function drawSamples({ report, samples }: Inspection): Promise<Buffer> {
  return drawPanels({
    title: report.path,
    subtitle: `${report.formats.join(', ')}; ${Object.entries(report.columns)
      .map(([name, type]) => `${name}: ${type}`)
      .join(', ')}`,
    cell: { width: side, height: side },
    columns,
    sections: report.splits.map(({ name, rows }) => ({
      title: `${name}, ${rows.toLocaleString('en')} rows`,
      panels: (samples[name] ?? []).map(({ row, pixels, labels, caption }): SheetPanel => {
        const unreadable = pixels === null ? ['no image that can be decoded'] : [];
        const label = labels.length > 0 ? `${row}: ${labels.join(', ')}` : `row ${row}`;
        return { pixels, label, notes: [...unreadable, ...noteLines(caption, side, 3)] };
      }),
    })),
  });
}

/** The files to write: a picture, or a folder with a picture and the statistics. @throws if one of them exists */
async function outputsOf(out: string, overwrite: boolean): Promise<{ picture: string; json: string | null }> {
  const path = fromCaller(out);
  const isPicture = path.toLowerCase().endsWith('.png');
  const outputs = isPicture
    ? { picture: path, json: null }
    : { picture: join(path, 'samples.png'), json: join(path, 'statistics.json') };
  for (const file of [outputs.picture, outputs.json]) if (file !== null) await checkTarget(file, overwrite);
  return outputs;
}

/** Looks at a dataset, and prints what is in it. @returns the exit status */
export async function inspectCommand(url: string, options: InspectArguments): Promise<number> {
  const { split, all, out, json, overwrite } = options;
  const rows = wholeNumber('rows', options.rows);
  if (all && rows !== undefined) throw new UsageError('--all and --rows exclude each other; choose one');
  const outputs = out === undefined ? null : await outputsOf(out, overwrite);
  const location = await locateDataset(url);
  const samples = outputs === null ? 0 : (wholeNumber('samples', options.samples) ?? usualSamples);
  const { bar, onProgress } = progress();
  const interruption = onInterrupt((name) => bar.message(`${name}: stopping`));
  const { signal } = interruption;
  try {
    const inspection = await inspectDataset(location, {
      ...given({ splits: split, rows }),
      ...{ all, samples, side, signal, onProgress },
    });
    bar.clear();
    const { report } = inspection;
    const text = `${JSON.stringify(report, null, 2)}\n`;
    if (json) process.stdout.write(text);
    else for (const line of reportLines(report)) console.log(line);
    if (outputs === null) return 0;
    await mkdir(dirname(outputs.picture), { recursive: true });
    await writeFileAtomic(outputs.picture, [await drawSamples(inspection)]);
    if (outputs.json !== null) await writeFileAtomic(outputs.json, [text]);
    const written = [outputs.picture, outputs.json].filter((file) => file !== null).map(toCaller);
    console.error(`written: ${written.join(', ')}`);
    return 0;
  } catch (error) {
    bar.clear();
    if (!signal.aborted) throw error;
    return interruption.exitCode();
  }
}
