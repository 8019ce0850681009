/** npm run reference: compares layers, models and training runs with the stored numbers of another implementation. */
import { readCaseFile } from '@tessera/nn/cases';
import { disposeBackends } from '@tessera/tensor';
import { type CaseReport, type FailedCase, type OmittedCase, registerLayers, runReferenceCases } from '@tessera/verify';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { backendOption, chooseBackend, exitCodes, fromCaller } from './lib/command.ts';

const { dirs, backend, json, threads, module } = await yargs(hideBin(process.argv))
  .scriptName('npm run reference --')
  .command(
    '$0 <dirs..>',
    'Runs every reference case found below the directories and compares it with its stored numbers.',
  )
  .positional('dirs', { type: 'string', array: true, demandOption: true, describe: 'Directories to search for cases' })
  .option('backend', { ...backendOption, default: 'wasm' })
  .option('threads', { type: 'number', describe: 'Threads of the wasm backend. Default: one for each core' })
  .option('module', {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'A case file of your own, NAME.case.ts',
  })
  .option('json', { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' })
  .example('$0 packages/verify/reference-cases', 'the cases that come with the repository')
  .example('$0 cases --module my-layer.case.ts', 'your own layer and its reference cases')
  .epilogue(
    'Exit code 0 only if every case holds; 3 if those that do not are explained by rounding in f32 alone. How to make a case: docs/reference-cases.md',
  )
  .strict()
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

try {
  const chosen = await chooseBackend(backend, threads ?? null);
  for (const file of module) registerLayers(await readCaseFile(fromCaller(file)));
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
  if (failed > explained || cases.length === omitted) process.exitCode = exitCodes.failure;
  else if (explained > 0) process.exitCode = exitCodes.explained;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await disposeBackends();
}
