/** What all commands share: options, errors, exit statuses, signals, backends. */
import { styleText } from 'node:util';
import { closestName } from '@tessera/nn';
import {
  type Backend,
  BackendUnavailableError,
  backendNames,
  disposeBackends,
  registerReferenceBackends,
  selectBackend,
  setDefaultBackend,
} from '@tessera/tensor';
import { tasks } from '@tessera/train';
import { ConfigError, listSettings, settingMeantBy } from '@tessera/train/config';
import yargs, { type Argv } from 'yargs';
import { callOf, commandNames } from './call.ts';
import { UsageError } from './usage-error.ts';

export { UsageError };

/** `explained`: numbers differ, but by nothing that is wrong here. */
export const exitCodes = { failure: 1, usage: 2, explained: 3, interrupted: 130 } as const;

/** Loaded by `main.ts` before the command, which may then know more tasks. */
const importOption = {
  import: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'A module of your own, in TypeScript or JavaScript, to load first; may be repeated',
  },
} as const;

/** The command line of a command: strict, with `--debug`, and with suggestions for unknown options. */
export function commandLine(
  name: Parameters<typeof callOf>[0],
  args: readonly string[] = process.argv.slice(2),
): Argv<{ debug: boolean }> {
  const parser = yargs([...args])
    .scriptName(callOf(name, ' ').trimEnd())
    .parserConfiguration({ 'greedy-arrays': false })
    .option('debug', { type: 'boolean', default: false, describe: 'Show the stack trace of an error' })
    .options((commandNames as readonly string[]).includes(name) ? importOption : {})
    .strict()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .version(false)
    .fail((message, error) => {
      if (error) throw error;
      throw new UsageError(`${explainUsage(message, parser, args)}\n${callOf(name, '--help')} explains all options`);
    });
  return parser;
}

/** Adds the most similar option, or the setting with that name, to "Unknown arguments: ...". */
function explainUsage(message: string, parser: Argv<{ debug: boolean }>, args: readonly string[]): string {
  const [, names] = /^Unknown arguments?: (.*)$/.exec(message) ?? [];
  if (names === undefined) return message;
  const { key } = (parser as unknown as { getOptions(): { key: Record<string, unknown> } }).getOptions();
  const options = Object.keys(key);
  const settings = [...new Set(tasks.flatMap(({ schema }) => listSettings(schema)))].map((setting) => setting.key);
  // yargs reports --batch-size also as batchSize.
  const unknown = names
    .split(', ')
    .filter((name, k, all) => !all.slice(0, k).some((other) => camelCase(other) === name));
  return unknown
    .map((name) => {
      if (args.includes(name)) return `unexpected argument ${name}: names of options begin with --`;
      const setting = settingMeantBy(name, settings);
      if (setting !== undefined && options.includes('set')) return `unknown option --${name}; use --set ${setting}=...`;
      const near = closestName(name, options);
      return `unknown option --${name}${near === undefined ? '' : `; did you mean --${near}?`}`;
    })
    .join('\n');
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * Runs a command. An error becomes one clear message and an exit status (2 for a mistake in the call or the configuration, otherwise 1).
 * Afterwards backends are disposed, so that the process can end.
 */
export async function runCommand(body: () => Promise<number | undefined>): Promise<void> {
  ignoreBrokenOutput();
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    const usage =
      error instanceof UsageError || error instanceof ConfigError || error instanceof BackendUnavailableError;
    process.exitCode = usage ? exitCodes.usage : exitCodes.failure;
    console.error(`${styleText('red', 'error:', { stream: process.stderr })} ${(error as Error).message}`);
    if (process.argv.includes('--debug')) console.error(error);
    else if (!usage) console.error(styleText('dim', '(--debug shows the stack trace)', { stream: process.stderr }));
  } finally {
    await disposeBackends();
  }
}

/** Signals that ask a process to end: Ctrl-C, the signal of schedulers and containers, and that of a closed terminal. */
const endSignals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** The interruption of a command by a signal. */
export interface Interruption {
  /** Aborted by the first signal. A second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
  /** The exit status for the received signal. */
  exitCode(): number;
}

/** Lets a command end in order at the first Ctrl-C, SIGTERM or SIGHUP. @param onFirst called with the name of that signal */
export function onInterrupt(onFirst: (name: string) => void = () => undefined): Interruption {
  const controller = new AbortController();
  let status: number = exitCodes.interrupted;
  for (const [name, number] of Object.entries(endSignals))
    process.on(name, () => {
      status = 128 + number;
      // A closed terminal may send both SIGHUP and SIGTERM, so only a second Ctrl-C ends the process at once.
      if (controller.signal.aborted && name === 'SIGINT') process.exit(status);
      if (controller.signal.aborted) return;
      onFirst(name);
      controller.abort();
    });
  return { signal: controller.signal, exitCode: () => status };
}

/** Lets a command continue if its output cannot be written, because the reader has ended (`| head -1`) or the disk is full. */
function ignoreBrokenOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** The option `--backend` of commands that compute. */
export const backendOption = {
  type: 'string',
  describe: `auto (a GPU that is hardware, else wasm), wasm, webgpu, gpujs[:mode], reference; ${callOf('devices')} lists them`,
} as const;

/** Which checkpoint of a run is read. */
export const checkpointOption = {
  type: 'string',
  choices: ['last', 'best'],
  describe: "The run's latest or best checkpoint [default: the one that its setting checkpoints.model names]",
} as const;

/**
 * Opens a backend by name, or the fastest for `auto`, and makes it the default one. To be called before anything is computed.
 *
 * @throws where it is unknown or not available here; the message says why, and what to do
 */
export async function chooseBackend(name: string, threads: number | null): Promise<Backend> {
  if (threads !== null) process.env.TESSERA_THREADS = String(threads);
  registerReferenceBackends();
  const known = backendNames();
  if (name !== 'auto' && !known.includes(name)) {
    const near = closestName(name, known);
    throw new UsageError(
      `there is no backend ${name}; choose auto, ${known.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  const { backend } = await selectBackend(name);
  return setDefaultBackend(name === 'auto' ? backend.name : name);
}
