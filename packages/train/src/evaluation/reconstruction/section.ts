/** Reconstruction in the report: errors, use of the codes, and pictures. */
import { fact } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { DataUri } from '../../report/report-data.ts';
import type { ReconstructionMetrics } from './metrics.ts';

/** A tokenizer on one split. */
export interface ReconstructionReport {
  readonly split: string;
  readonly metrics: ReconstructionMetrics;
  /** Originals and reconstructions in one picture. */
  readonly pictures: DataUri;
}

/** Error and use of the codes, and pictures with their reconstructions. */
export function reconstructionSection(reports: readonly ReconstructionReport[]): Html {
  return html`${reports.map(
    ({ split, metrics, pictures }) => html`<section>
      <h2>Reconstruction: ${split}</h2>
      <div class="card">
        <dl class="facts">${facts(metrics).map(
          ([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`,
        )}</dl>
        <p class="note">Rows of originals, each followed by a row of their reconstructions from tokens.</p>
        <img src="${pictures}" alt="originals and reconstructions" style="max-width:100%">
      </div>
    </section>`,
  )}`;
}

const facts = ({
  count,
  psnr,
  meanColorPsnr,
  usedCodes,
  codes,
  perplexity,
}: ReconstructionReport['metrics']): [label: string, value: string][] => [
  ['Images', fact(count)],
  ['PSNR', `${psnr.toFixed(2)} dB`],
  ['PSNR of the mean color', `${meanColorPsnr.toFixed(2)} dB`],
  ['Codes in use', `${fact(usedCodes)} of ${fact(codes)}`],
  ['Perplexity of the codes', perplexity.toFixed(0)],
];
