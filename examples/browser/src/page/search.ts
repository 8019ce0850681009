/** The part of the page that searches images with a model that was trained in Node. */
import type { BackendChoice } from '../engine/backends.ts';
import type { SearchCommand, SearchReport } from '../engine/messages.ts';
import type { RunMaterial } from '../shared/material.ts';
import { element, pictureItem, say, text } from './elements.ts';

const mostPictures = 2000;

/** Shows the search form, and loads the model in a worker. */
export function showSearch(run: RunMaterial, backend: BackendChoice): void {
  element('search', HTMLElement).hidden = false;
  const form = element('search-form', HTMLFormElement);
  const input = form.elements.namedItem('text') as HTMLInputElement;
  const button = form.querySelector('button') as HTMLButtonElement;
  text('run-facts', `Model of the run ${run.name}, images of ${run.data.name}`);
  const engine = new Worker(new URL('../engine/search.worker.ts', import.meta.url), { type: 'module', name: 'search' });
  const send = (command: SearchCommand): void => engine.postMessage(command);

  engine.onerror = (event) => hear({ kind: 'failed', message: event.message || 'the worker could not be loaded' });
  engine.onmessage = ({ data }: MessageEvent<SearchReport>) => hear(data);

  function hear(report: SearchReport): void {
    switch (report.kind) {
      case 'progress':
        say(
          'search-status',
          `${report.what}: ${report.done.toLocaleString('en')} of ${report.total.toLocaleString('en')}`,
        );
        return;
      case 'ready':
        say(
          'search-status',
          `${report.backend} · ${report.parameters.toLocaleString('en')} parameters · ${report.pictures.toLocaleString('en')} images`,
        );
        input.disabled = false;
        button.disabled = false;
        return;
      case 'hits':
        say('search-status', `“${report.text}”: ${report.milliseconds.toFixed(0)} ms`);
        element('hits', HTMLUListElement).replaceChildren(
          ...report.hits.map(({ encoded, caption, similarity }) =>
            pictureItem(encoded, caption, `cos ${similarity.toFixed(3)}`),
          ),
        );
        return;
      case 'failed':
        say('search-status', report.message, true);
        return;
      default:
        report satisfies never;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim() !== '') send({ kind: 'query', text: input.value });
  });
  send({ kind: 'open', run, backend, mostPictures });
}
