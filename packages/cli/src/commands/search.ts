/** tessera search: finds images by a text or by another image. */
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openDataset } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { drawContactSheet, findNearest, nameOf, readFound, renderSearchPage } from '@tessera/serve';
import { findRun, type LoadedModel } from '@tessera/train';
import { fromCaller, toCaller } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, UsageError } from '../lib/command.ts';
import { locateDataset } from '../lib/datasets.ts';
import { bringUpToDate, fileNameOf, indexFolder } from '../lib/image-index.ts';
import { loadModel } from '../lib/load-model.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('search', args)
    .command(
      '$0 <run> <data> [text..]',
      'Finds the images that are nearest to a text (CLIP) or to another image. Their features are kept, so that only new images are embedded at the next search.',
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP weights from outside of a run",
    })
    .positional('data', {
      type: 'string',
      demandOption: true,
      describe: 'A data set: anything that --data of train reads',
    })
    .positional('text', {
      type: 'string',
      array: true,
      default: [],
      describe: 'What to search; several texts are searched one by one',
    })
    .options({
      image: {
        type: 'string',
        array: true,
        default: [],
        describe: 'An image to search the nearest images of; may be repeated',
      },
      top: { type: 'number', default: 12, describe: 'The number of images that are found' },
      out: {
        type: 'string',
        describe: "Folder for contact sheets, pages and the index [default: search/ in the run's folder]",
      },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document' },
    })
    .example('$0 runs/first photos "a red umbrella"', 'twelve photos, as a contact sheet and a page')
    .example('$0 runs/fashion photos --image shoe.png', 'the images that look most similar')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

/** A text or image to search for. */
interface Query {
  readonly title: string;
  readonly features: Float32Array;
}

async function queriesOf(model: LoadedModel, { text, image }: Options): Promise<Query[]> {
  const queries: Query[] = [];
  for (const title of text as string[]) queries.push({ title, features: (await model.embedTexts([title])).values });
  for (const path of image) {
    const title = `images like ${basename(path)}`;
    queries.push({ title, features: (await model.embedImages([fromCaller(path)])).values });
  }
  return queries;
}

function checkOptions({ task, subject }: LoadedModel, { text, image, top }: Options): void {
  if ((text as string[]).length + image.length === 0)
    throw new UsageError('pass a text to search, or an image with --image');
  if ((text as string[]).length > 0 && subject.text === undefined)
    throw new UsageError(`a run of the task ${task.name} knows no texts: search by an image, with --image`);
  if (!(Number.isInteger(top) && top >= 1)) throw new UsageError('--top: expected a number from 1 on');
}

export async function main(args: readonly string[]): Promise<undefined> {
  const options = await readOptions(args);
  await chooseBackend(options.backend, options.threads ?? null);
  const path = fromCaller(options.run as string);
  using model = await loadModel(path);
  checkOptions(model, options);
  const queries = await queriesOf(model, options);
  const run = await findRun(path);
  const out = options.out === undefined ? join(run?.path ?? dirname(path), 'search') : fromCaller(options.out);
  await fs.mkdir(out, { recursive: true });
  const dataset = await locateDataset(options.data as string);
  const { index } = await bringUpToDate(model, dataset, indexFolder(out, dataset));
  // Opened once for all queries.
  using opened = await openDataset(dataset);
  const results = [];
  for (const { title, features } of queries) {
    const found = await readFound(opened, findNearest(index, features, options.top));
    const [sheet, page] = [join(out, `${fileNameOf(title)}.png`), join(out, `${fileNameOf(title)}.html`)];
    await writeFileAtomic(sheet, [await drawContactSheet(title, found)]);
    const facts = { Images: String(index.images.length), Model: toCaller(path) };
    await writeFileAtomic(page, [await renderSearchPage(title, found, facts)]);
    results.push({
      query: title,
      found: found.map(({ bytes: _, hash: __, ...image }) => image),
      sheet: toCaller(sheet),
      page: toCaller(page),
    });
    if (options.json) continue;
    console.log(title);
    for (const [k, image] of found.entries())
      console.log(`${String(k + 1).padStart(4)}  ${image.similarity.toFixed(3)}  ${nameOf(image)}`);
    console.log(`${toCaller(sheet)}, ${toCaller(page)}`);
  }
  if (options.json) console.log(JSON.stringify(results, null, 2));
  return;
}
