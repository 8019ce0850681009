/** tessera reference: compares layers, models and training runs with the stored numbers of another implementation. */
import { readCaseFile } from '@tessera/nn/cases';
import { type CaseReport, type FailedCase, type OmittedCase, registerLayers, runReferenceCases } from '@tessera/verify';
import { fromCaller } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, exitCodes, UsageError } from '../lib/command.ts';
import { understandTypeScript } from '../lib/import-module.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('reference', args)
    .command(
      '$0 <dirs..>',
      'Runs every reference case found below the directories and compares it with its stored numbers.',
    )
    .positional('dirs', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'Directories to search for cases',
    })
    .options({
      backend: { ...backendOption, default: 'wasm' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      module: {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'A case file of your own, NAME.case.ts',
      },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' },
    })
    .example('$0 packages/verify/reference-cases', 'the cases that come with the repository')
    .example('$0 cases --module my-layer.case.ts', 'your own layer and its reference cases')
    .epilogue(
      'Exit status 0 only if every case holds; 3 if those that do not are explained by rounding in f32 alone. How to make a case: docs/reference-cases.md',
    )
    .parseAsync();

function describe(report: CaseReport | FailedCase | OmittedCase): string {
  if ('omitted' in report) return `omitted ${report.name}\n       ${report.omitted}`;
  if ('error' in report) return `FAILS  ${report.name}\n       ${report.error}`;
  const { outputs, gradients, state, explanation } = report;
  const verdict = report.holds ? 'holds' : explanation?.isExcuse ? 'EXPLAINED' : 'FAILS';
  const parts = Object.entries({ outputs, gradients, state }).filter(([, { at }]) => at !== null);
  const errors = parts.map(([part, { error }]) => `${part} ${error.toExponential(1)}`);
  const broken = parts.filter(([, { holds }]) => !holds);
  return [
    `${verdict}  ${report.name.padEnd(24)} ${errors.join('   ')}`,
    ...broken.map(
      ([part, { error, tolerance, at }]) =>
        `       ${part}: ${at} is off by ${error.toExponential(2)}, allowed are ${tolerance.toExponential(0)}`,
    ),
    ...(explanation?.lines ?? []).map((line) => `       ${line}`),
  ].join('\n');
}

/** JSON has no infinities. */
const finite = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** @throws UsageError if the file cannot be read or declares no cases */
const readCases = (file: string) =>
  readCaseFile(fromCaller(file)).catch((cause) => {
    throw new UsageError((cause as Error).message);
  });

export async function main(args: readonly string[]): Promise<number | undefined> {
  const { dirs, backend, json, threads, module } = await readOptions(args);
  const chosen = await chooseBackend(backend, threads ?? null);
  if (module.length > 0) await understandTypeScript();
  for (const file of module) registerLayers(await readCases(file));
  const cases = await runReferenceCases(dirs.map(fromCaller), {
    ...(json ? {} : { onCase: (report) => console.log(describe(report)) }),
  });
  const count = (verdict: boolean | null): number => cases.filter(({ holds }) => holds === verdict).length;
  const [held, failed, omitted] = [count(true), count(false), count(null)];
  const explained = cases.filter((report) => 'explanation' in report && report.explanation?.isExcuse).length;
  if (json)
    console.log(JSON.stringify({ backend: chosen.name, holds: failed === 0 && held > 0, explained, cases }, finite, 2));
  else
    console.log(
      `\n${held} of ${held + failed} cases hold on ${chosen.name}` +
        (explained === 0 ? '' : `; ${explained} do not, by rounding in f32 alone`) +
        (omitted === 0 ? '' : `; ${omitted} have a dtype that it does not support`),
    );
  if (failed > explained || cases.length === omitted) return exitCodes.failure;
  return explained > 0 ? exitCodes.explained : undefined;
}
