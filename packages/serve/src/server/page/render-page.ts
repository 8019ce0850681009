/** The page of the server: what the model can do, forms to try it, and examples for programs. */
import { type Html, html, logo } from '@tessera/train/report';
import { abilities } from '../model-card.ts';
import type { ModelCard } from '../schemas.ts';
import { examplesFor } from './examples.ts';

const tile = (label: string, value: string | number, note: string): Html =>
  html`<div class="card tile"><div class="label">${label}</div><div class="value">${value}</div><div class="note">${note}</div></div>`;

function tiles({ can, dims, classes, search, preprocessing: { imageSize }, textTokens }: ModelCard): Html[] {
  return [
    tile('Images', `${imageSize} px`, 'what the model sees of an image, as a square'),
    ...(textTokens === null || !can.embedTexts ? [] : [tile('Texts', textTokens, 'tokens; longer texts are cut')]),
    ...(dims === null ? [] : [tile('Embedding', dims, 'numbers for each image or text')]),
    ...(classes === null ? [] : [tile('Classes', classes.length, 'that the model learned')]),
    ...(search === null ? [] : [tile('Search', search.images.toLocaleString('en'), `images of ${search.dataset}`)]),
  ];
}

/** A place for image files: they are dropped, pasted or chosen. */
const drop = (id: string, hint: string): Html => html`<label class="drop" for="${id}">
  <input type="file" id="${id}" name="image" accept="image/*" multiple>
  <span class="previews"></span><span class="hint">${hint}</span></label>`;

const lines = (id: string, label: string, name: string, placeholder: string, rows = 3): Html =>
  html`<label for="${id}">${label}</label><textarea id="${id}" name="${name}" rows="${rows}" placeholder="${placeholder}"></textarea>`;

const panel = (
  path: string,
  title: string,
  note: string,
  fields: Html,
  button: string,
): Html => html`<form class="card try" data-path="${path}">
  <h3>${title}</h3><p class="note">${note}</p>
  ${fields}
  <div class="actions"><button type="submit">${button}</button><span class="status" role="status"></span></div>
  <div class="result" aria-live="polite"></div>
</form>`;

function panels({ can, asks, task }: ModelCard): Html[] {
  const chooseImages = 'Drop images here, paste them, or click to choose';
  const all: (Html | false)[] = [
    can.search.length > 0 &&
      panel(
        'search',
        'Search',
        can.search.includes('texts')
          ? 'The images that fit a text best, or look most similar to an image.'
          : 'The images that look most similar to yours.',
        html`${can.search.includes('texts') && html`<label for="search-text">Text</label><input id="search-text" name="text" type="search" placeholder="a red umbrella" autocomplete="off">`}
        ${drop('search-image', chooseImages)}`,
        'Search',
      ),
    can.classify === 'own classes' &&
      panel(
        'classify',
        'Classify',
        'The most probable of the classes that the model learned.',
        drop('classify-image', chooseImages),
        'Classify',
      ),
    can.classify === 'given classes' &&
      panel(
        'classify',
        'Classify by your own classes',
        'Which of some classes an image shows most probably. The model was not trained on these classes (zero-shot).',
        html`${drop('classify-image', chooseImages)}${lines('classify-classes', 'Classes, one per line', 'class', 'cat\ndog\numbrella', 4)}
        <label for="classify-template">Prompt</label><input id="classify-template" name="template" value="a photo of a {}" autocomplete="off">`,
        'Classify',
      ),
    can.predict &&
      can.classify === null &&
      panel(
        'predict',
        'Ask about images',
        `What a run of the task ${task} says of an image.`,
        html`${drop('predict-image', chooseImages)}${asks.includes('questions') && lines('predict-questions', 'Questions, one per line; empty: those that the model learned', 'question', 'is there a dog?')}`,
        'Ask',
      ),
    (can.embedImages || can.embedTexts) &&
      panel(
        'embed',
        'Embed',
        'Embeddings, and the cosines between them.',
        html`${can.embedImages && drop('embed-image', chooseImages)}${can.embedTexts && lines('embed-texts', 'Texts, one per line', 'text', 'a cat\na dog')}`,
        'Embed',
      ),
  ];
  return all.filter((one) => one !== false);
}

const seconds = (value: number): string => `${value} s`;
const mebibytes = (value: number): string => `${Math.round((10 * value) / 2 ** 20) / 10} MiB`;
const count = (value: number): string => value.toLocaleString('en');

/** What the limits are called, and how they are written. */
const limitTexts: Readonly<Record<string, readonly [string, (value: number) => string]>> = {
  bodyBytes: ['Body of a request', mebibytes],
  images: ['Images in a request', count],
  pixels: ['Pixels of an image file', count],
  texts: ['Texts in a request', count],
  textLength: ['Characters of a text', count],
  results: ['Results for each image or query', count],
  requests: ['Requests at the same time', count],
  seconds: ['Time for a request', seconds],
};

const facts = (pairs: readonly (readonly [string, string | number])[]): Html =>
  html`<dl class="facts">${pairs.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

/** @param origin the server's address, without a slash at its end */
export function renderModelPage(card: ModelCard, origin: string, hasToken: boolean): string {
  const { name, title, facts: own, limits, preprocessing, classes } = card;
  const sentence = abilities(card);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name} · Tessera</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<header>
  <div class="mark">${logo('currentColor')} Tessera model server</div>
  <h1>${name}</h1>
  <p class="subtitle">${title}. It can ${sentence}.</p>
  <div class="tiles">${tiles(card)}</div>
</header>
<main>
  <h2 id="try">Try it</h2>
  <noscript><p class="note">The forms need JavaScript. The examples below work without it.</p></noscript>
  <div class="panels">${panels(card)}</div>

  <h2 id="programs">From a program</h2>
  <p class="note">Images are sent as files of a form, as base64 in JSON, or one as the body itself. The whole description is
  <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).${hasToken && html` Set <code>TOKEN</code> to the server's token.`}</p>
  <div class="stack">${examplesFor(card, origin, hasToken).map(
    (example) =>
      html`<section class="card example"><h3>${example.title}</h3>${example.lines.map(
        (line) =>
          html`<div class="code"><pre tabindex="0">${line}</pre><button type="button" class="copy">Copy</button></div>`,
      )}</section>`,
  )}</div>

  <h2 id="model">The model</h2>
  <div class="stack">
    <section class="card">${facts(Object.entries(own).map(([label, value]) => [label, typeof value === 'number' ? count(value) : value]))}</section>
    <section class="card"><h3>How an image is prepared</h3><ol class="steps">${preprocessing.steps.map((step) => html`<li>${step}</li>`)}</ol></section>
    ${
      classes !== null &&
      html`<section class="card"><details${classes.length <= 30 && html` open`}><summary>${count(classes.length)} classes</summary><p class="classes">${classes.map((one) => html`<span>${one}</span> `)}</p></details></section>`
    }
    <section class="card"><h3>Limits</h3>${facts(
      Object.entries(limits).map(([key, value]) => {
        const [label, write] = limitTexts[key] ?? [key, count];
        return [label, write(value)] as const;
      }),
    )}</section>
  </div>
</main>
<footer>Also as JSON: <a href="model">model</a>, <a href="health">health</a>. This page loads nothing from other servers, and what you send stays on this one.</footer>
</body>
</html>
`.text;
}
