/** What a dry run found, as text. */
import type { DryRunResult, RunEstimate } from '@tessera/train';
import { formatSeconds } from './progress-bar.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1234567 as "1.2 MB"; units are powers of 1000. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}

/** 0.0123 as "12 ms", 1.234 as "1.2 s", 75 as "1:15". */
function formatDuration(seconds: number): string {
  if (seconds < 1) return `${(seconds * 1000).toFixed(0)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatSeconds(seconds);
}

const count = (value: number): string => value.toLocaleString('en-US');

function dataLines({ measured: { run, cache } }: RunEstimate): [string, string][] {
  const { config, trainSplit, splits, loader } = run;
  const { limit } = config.evaluation;
  const columns = Object.entries(loader.columns).map(([role, column]) => (column === null ? `no ${role}` : column));
  const evaluated = splits.map(
    ({ name, length }) =>
      `${name} (${count(Math.min(length, limit ?? length))}${length > (limit ?? length) ? ` of ${count(length)}` : ''})`,
  );
  const share = cache.images === 0 ? 0 : cache.finalBytes / ((cache.bytes / cache.images) * trainSplit.length);
  return [
    [
      'training rows',
      `${count(trainSplit.length)}${trainSplit.length < trainSplit.whole ? ` of ${count(trainSplit.whole)}` : ''} of ${config.data.dataset}, ${trainSplit.name}`,
    ],
    ['columns', columns.join(', ')],
    ['evaluated', evaluated.length === 0 ? 'nothing' : `${evaluated.join(', ')} rows`],
    [
      'decoded images',
      share >= 1
        ? 'all are kept from epoch to epoch'
        : `${Math.floor(100 * share)} % are kept (data.cacheMegabytes=${config.data.cacheMegabytes})`,
    ],
  ];
}

function modelLines({ measured: { run, parameters, trainedParameters, state } }: RunEstimate): [string, string][] {
  const { config, subject } = run;
  const facts = Object.entries(subject.facts).filter(([label]) => !/parameters/i.test(label));
  const trained = trainedParameters < parameters ? `, of which ${count(trainedParameters)} are trained` : '';
  return [
    ...facts.map(([label, fact]): [string, string] => [label.toLowerCase(), String(fact)]),
    ['parameters', `${count(parameters)}${trained}`],
    [
      'optimizer',
      `${config.optimizer.kind}, rate ${config.optimizer.lr}, ${config.schedule.kind}; its state: ${formatBytes(state.optimizer)}`,
    ],
  ];
}

function timeLines({ measured, work, time }: RunEstimate): [string, string][] {
  const { run, remainingSteps } = measured;
  const epochs = Number(run.length.exactEpochs.toFixed(2));
  const done = run.start.step === 0 ? '' : `, of which ${count(run.start.step)} are done`;
  const later = work.laterSteps === 0 ? '' : `; ${formatDuration(time.laterStep)} in later epochs`;
  return [
    ['steps', `${count(run.length.totalSteps)} of ${run.config.training.batchSize} rows, ${epochs} epochs${done}`],
    ['start', `${formatDuration(time.start)} until the first step is done`],
    ['a step', remainingSteps === 0 ? 'no step is left' : `${formatDuration(time.firstEpochStep)}${later}`],
    [
      'an epoch',
      `${formatDuration(time.firstEpoch)}${work.laterSteps === 0 ? '' : `; ${formatDuration(time.laterEpoch)} for later ones`}`,
    ],
    ...(time.evaluation === null
      ? []
      : [['an evaluation', `${formatDuration(time.evaluation)}, ${work.evaluations} times`] as [string, string]]),
    ['the last evaluation', formatDuration(time.finalEvaluation)],
    ['a checkpoint', `${formatDuration(time.checkpoint)}, ${work.checkpoints} times`],
    ['weights and report', formatDuration(time.end)],
    ['whole run', formatDuration(time.total)],
  ];
}

const memoryLines = ({ memory }: RunEstimate): [string, string][] => [
  ['before the first step', formatBytes(memory.prepared)],
  ['compiling, first steps', formatBytes(memory.stepping)],
  ['later steps', `${formatBytes(memory.training)}, with ${formatBytes(memory.cache)} of decoded images`],
  ['evaluation', formatBytes(memory.evaluating)],
  ['weights and report', formatBytes(memory.ending)],
];

const section = (title: string, lines: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...lines.map(([label]) => label.length));
  return [title, ...lines.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)].join('\n');
};

const formatRun = (run: RunEstimate): string =>
  [
    section(`${run.measured.run.config.name}: data`, dataLines(run)),
    section('model', modelLines(run)),
    section('time', timeLines(run)),
    section('memory, at most', memoryLines(run)),
  ].join('\n');

/** @param now when the run would begin */
export function formatDryRun({ runs, seconds, peakBytes, disk }: DryRunResult, now = new Date()): string {
  const end = new Date(now.getTime() + seconds * 1000);
  const isToday = end.toDateString() === now.toDateString();
  const when = `${isToday ? '' : `${end.toDateString()}, `}${end.toTimeString().slice(0, 5)}`;
  return [
    ...runs.map(formatRun),
    section('the whole run would', [
      ['take', `${formatDuration(seconds)}: if it began now, until ${when}`],
      [
        'need',
        `${formatBytes(peakBytes)} of memory, and ${formatBytes(disk.needed)} of the disk, where ${formatBytes(disk.free)} are free`,
      ],
    ]),
    ...(disk.needed > disk.free
      ? ['the disk is too small: free some space, or keep fewer checkpoints with checkpoints.keep']
      : []),
  ].join('\n\n');
}
