/** npm run torchsuite: runs PyTorch's own tests of operations, modules and optimizers against Tessera. */
import { promises as fs } from 'node:fs';
import {
  backendOption,
  chooseBackend,
  commandLine,
  exitCodes,
  formatTable,
  fromCaller,
  runCommand,
  UsageError,
} from '@tessera/cli';
import {
  defaultDTypes,
  layouts,
  type Problem,
  readKnownDifferences,
  runTorchSuite,
  type Tally,
  torchAdapters,
  unsupportedCount,
  writeChosenCases,
} from '@tessera/verify';

const readOptions = () =>
  commandLine('torchsuite')
    .command(
      '$0 <cases>',
      "Calls Tessera as PyTorch's own tests call PyTorch, and compares values, gradients, second derivatives, shapes, dtypes and refusals.",
    )
    .positional('cases', { type: 'string', demandOption: true, describe: 'A folder of exported cases' })
    .options({
      backend: { ...backendOption, default: 'wasm' },
      layout: {
        choices: layouts,
        default: 'plain' as const,
        describe: 'How inputs are stored: as they are, or as views of something stored otherwise',
      },
      compiled: { type: 'boolean', default: false, describe: 'Through compile()' },
      dtypes: {
        type: 'string',
        default: defaultDTypes.join(','),
        describe: 'Dtypes of the cases; an empty one means the calls that PyTorch refuses',
      },
      only: { type: 'string', describe: 'A regular expression: only families of such a name' },
      known: { type: 'string', describe: 'A file of known differences, one regular expression a line' },
      out: { type: 'string', describe: 'Write the differences to this file, one JSON object a line' },
      compact: {
        type: 'string',
        describe: 'Write the smallest case of every form to this folder, compressed, and stop',
      },
      quiet: { type: 'boolean', default: false, describe: 'Print the last lines only' },
    })
    .example('$0 packages/verify/torch-cases', 'the cases that come with the repository')
    .epilogue('Exit status 0 only if there are no differences but known ones. See docs/reference-cases.md')
    .parseAsync();

function expression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new UsageError(`--only: ${(cause as Error).message}`);
  }
}

const row = (name: string, tally: Tally): string[] => [
  name,
  ...[tally.cases, tally.passed, tally.failed, tally.refused, unsupportedCount(tally)].map(String),
];

/** How often each kind of difference came up. */
function countKinds(problems: readonly Problem[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of problems) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, n]) => `${kind} ${n}`).join(', ');
}

async function main(): Promise<number | undefined> {
  const { cases, backend, layout, compiled, dtypes, only, known: knownFile, out, compact, quiet } = await readOptions();
  if (compact !== undefined) {
    const { cases: chosen, bytes } = await writeChosenCases(fromCaller(cases), fromCaller(compact));
    console.log(`${chosen} cases, ${(bytes / 1e6).toFixed(1)} MB`);
    return;
  }
  const { name } = await chooseBackend(backend, null);
  const known = knownFile === undefined ? undefined : await readKnownDifferences(fromCaller(knownFile));
  const { tallies, total, problems, knownCases } = await runTorchSuite(fromCaller(cases), {
    adapters: torchAdapters,
    layout,
    compiled,
    dtypes: dtypes.split(','),
    ...(only === undefined ? {} : { only: expression(only) }),
    ...(known === undefined ? {} : { known }),
  });
  if (out !== undefined)
    await fs.writeFile(fromCaller(out), problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''));
  const missing = [...total.unsupported].sort(([, a], [, b]) => b - a);
  if (!quiet) {
    const headings = ['operation', 'cases', 'passed', 'failed', 'refused', 'no equivalent'];
    console.log(
      formatTable(
        headings,
        [...tallies].map(([operation, tally]) => row(operation, tally)),
      ),
    );
    if (missing.length > 0)
      console.log(
        `\n${formatTable(
          ['form without an equivalent', 'cases'],
          missing.map(([why, n]) => [why, String(n)]),
        )}`,
      );
    console.log();
  }
  if (problems.length > 0) console.log(`differences: ${countKinds(problems)}`);
  if (known !== undefined)
    console.log(`${knownCases} cases with known differences only (counted as passed or refused)`);
  console.log(
    `${name}${layout === 'plain' ? '' : `, ${layout}`}${compiled ? ', compiled' : ''}: ${total.passed} passed, ` +
      `${total.failed} failed, ${total.refused} refused with a message, ${unsupportedCount(total)} without an equivalent, ` +
      `of ${total.cases}`,
  );
  return problems.length > 0 || total.cases === 0 ? exitCodes.failure : undefined;
}

await runCommand(main);
