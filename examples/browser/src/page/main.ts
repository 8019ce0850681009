/** The page: loads the description of the data, and shows training and search. */
import './style.css';
import { type Material, materialUrl } from '../shared/material.ts';
import { offerBackends } from './backend-options.ts';
import { element, say } from './elements.ts';
import { showSearch } from './search.ts';
import { showTraining } from './training.ts';

async function main(): Promise<void> {
  const response = await fetch(materialUrl);
  if (!response.ok)
    throw new Error(`${materialUrl}: ${response.status} ${response.statusText}; start the server with npm run browser`);
  const { training, run } = (await response.json()) as Material;
  const form = element('train-form', HTMLFormElement);
  const backend = await offerBackends(form.elements.namedItem('backend') as HTMLSelectElement);
  showTraining(training);
  if (run !== null) showSearch(run, backend);
}

main().catch((error: Error) => say('train-status', error.message, true));
