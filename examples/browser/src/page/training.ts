/** The part of the page that trains a classifier. */
import type { BackendChoice } from '../engine/backends.ts';
import type { ModelChoice, Prediction, ShownPicture, TrainCommand, TrainReport } from '../engine/messages.ts';
import type { DataMaterial } from '../shared/material.ts';
import { LossChart } from './chart.ts';
import { element, pictureItem, say, text } from './elements.ts';

const mostPictures = 8000;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

type State = 'idle' | 'starting' | 'running' | 'paused';

const goLabels: Readonly<Record<State, string>> = {
  idle: 'Start',
  starting: 'Starting …',
  running: 'Pause',
  paused: 'Continue',
};

/** The number of latest steps over which the rate is averaged. */
const rateSteps = 10;

/** Shows the training form, and trains in a worker. */
export function showTraining(data: DataMaterial): void {
  const form = element('train-form', HTMLFormElement);
  const go = element('go', HTMLButtonElement);
  const restart = element('restart', HTMLButtonElement);
  const chart = new LossChart(element('chart', HTMLElement));
  const classNames = data.label?.classNames ?? [];
  const field = (name: string): HTMLSelectElement => form.elements.namedItem(name) as HTMLSelectElement;
  let state: State = 'idle';
  let engine: Worker | null = null;
  let shown: readonly ShownPicture[] = [];
  let rates: number[] = [];

  const rows = data.splits.map(({ name, rows }) => `${name} ${rows.toLocaleString('en')}`).join(', ');
  text('data-facts', `${data.name}: ${classNames.length} classes; images: ${rows}`);
  enter('idle');

  function enter(next: State): void {
    state = next;
    go.textContent = goLabels[next];
    go.disabled = next === 'starting';
    restart.disabled = next === 'idle';
    for (const name of ['model', 'batch', 'rate']) field(name).disabled = next !== 'idle';
  }

  const send = (command: TrainCommand): void => engine?.postMessage(command);

  function start(): void {
    enter('starting');
    say('train-status', 'starting the worker …');
    engine = new Worker(new URL('../engine/train.worker.ts', import.meta.url), { type: 'module', name: 'training' });
    engine.onmessage = ({ data: report }: MessageEvent<TrainReport>) => hear(report);
    engine.onerror = (event) => hear({ kind: 'failed', message: event.message || 'the worker could not be loaded' });
    send({
      kind: 'start',
      data,
      backend: field('backend').value as BackendChoice,
      model: field('model').value as ModelChoice,
      batchSize: Number(field('batch').value),
      learningRate: Number(field('rate').value),
      mostPictures,
    });
  }

  function reset(): void {
    engine?.terminate();
    engine = null;
    rates = [];
    chart.clear();
    for (const id of ['step', 'loss', 'accuracy', 'rate']) text(id, '–');
    element('predictions', HTMLUListElement).replaceChildren();
    say('train-status', '');
    enter('idle');
  }

  function hear(report: TrainReport): void {
    switch (report.kind) {
      case 'progress':
        say(
          'train-status',
          `${report.what}: ${report.done.toLocaleString('en')} of ${report.total.toLocaleString('en')}`,
        );
        return;
      case 'ready':
        shown = report.shown;
        say(
          'train-status',
          `${report.backend} · ${report.parameters.toLocaleString('en')} parameters · ${report.trained.toLocaleString('en')} training images, ${report.heldOut.toLocaleString('en')} held out`,
        );
        enter('running');
        return;
      case 'moved':
        rates = [];
        say('train-status', report.backend);
        return;
      case 'step':
        chart.add(report.step, report.loss);
        rates = [...rates.slice(1 - rateSteps), report.imagesPerSecond];
        text('step', report.step.toLocaleString('en'));
        text('loss', report.loss.toFixed(3));
        text('rate', (rates.length / rates.reduce((seconds, rate) => seconds + 1 / rate, 0)).toFixed(0));
        return;
      case 'evaluation':
        text('accuracy', percent(report.accuracy));
        showPredictions(report.predictions);
        return;
      case 'failed':
        if (state === 'starting') reset();
        say('train-status', report.message, true);
        if (state === 'running') enter('paused');
        return;
      default:
        report satisfies never;
    }
  }

  function showPredictions(predictions: readonly Prediction[]): void {
    const items = shown.map(({ encoded, label }, k) => {
      const { label: guess, confidence } = predictions[k] ?? { label: -1, confidence: 0 };
      const right = guess === label;
      const item = pictureItem(
        encoded,
        right ? `${classNames[guess]}` : `${classNames[guess]}, not ${classNames[label]}`,
        `${(100 * confidence).toFixed(0)} % sure`,
      );
      item.className = right ? 'right' : 'wrong';
      return item;
    });
    element('predictions', HTMLUListElement).replaceChildren(...items);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    switch (state) {
      case 'idle':
        start();
        return;
      case 'running':
        send({ kind: 'pause' });
        enter('paused');
        return;
      case 'paused':
        send({ kind: 'resume' });
        enter('running');
        return;
      case 'starting':
        return;
      default:
        state satisfies never;
    }
  });
  restart.addEventListener('click', reset);
  field('backend').addEventListener('change', ({ target }) => {
    if (state !== 'idle') say('train-status', 'moving the model …');
    send({ kind: 'move', backend: (target as HTMLSelectElement).value as BackendChoice });
  });
}
