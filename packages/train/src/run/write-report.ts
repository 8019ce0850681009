/** Writes the report of a run. */
import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { readHistograms } from '../loop/histograms.ts';
import { readMetrics } from '../loop/metrics-file.ts';
import { histogramSection, stripColumns } from '../report/histogram-section.ts';
import { renderReport } from '../report/render.ts';
import type { ReportData } from '../report/report-data.ts';

/**
 * Writes `report.html` into a run's folder, from the folder's `metrics.jsonl`, its `histograms.jsonl` if it has one, and the given details. Returns its path.
 *
 * The page is one file with its styles, scripts and pictures, and opens without a server or network.
 */
export async function writeReport(
  runFolder: string,
  details: Omit<ReportData, 'records' | 'histograms'>,
): Promise<string> {
  const records = await readMetrics(join(runFolder, 'metrics.jsonl'));
  const path = join(runFolder, 'report.html');
  await writeFileAtomic(path, [
    renderReport({
      ...details,
      records,
      histograms: await histogramSection(await readHistograms(join(runFolder, 'histograms.jsonl'), stripColumns)),
    }),
  ]);
  return path;
}
