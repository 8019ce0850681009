// The example in Chromium: operations, threads, scopes, WebGPU, training, and search.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium, launchChromium } from '@tessera/dashboard/testing';
import { decodeImage, openDataset, type Tokenizer } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import type { CLIP } from '@tessera/models';
import { disposeBackends } from '@tessera/tensor';
import { loadRun } from '@tessera/train';
import { CLIPEncoder, nearestNeighbors } from '@tessera/train/evaluation';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageServer, servePages } from './server/serve.ts';
import { trainTinyClip } from './testing/tiny-clip.ts';
import type { OpsOptions, OpsResult, ScopeResult, Suite, ThreadsResult } from './tests/suite.ts';

const executable = findChromium();
if (executable === null)
  console.info(
    'skipping the browser tests: there is no Chromium on the path (apt-get install chromium, or set TESSERA_CHROMIUM)',
  );

let root: string;
let browser: Browser;
let server: PageServer;
let openServer: PageServer;

const serve = (name: string, isolated: boolean): Promise<PageServer> =>
  servePages({
    training: join(root, 'data'),
    run: { folder: join(root, 'run'), data: join(root, 'data') },
    port: 0,
    outDir: join(root, name),
    pages: ['index.html', 'tests.html'],
    isolated,
  });

/** A page whose errors fail the test that opened it. */
async function openPage(
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<Page & { errors: string[] }> {
  const page = await browser.newPage(options);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(url);
  return Object.assign(page, { errors });
}

type Place = 'page' | 'worker';

/** Runs one of the suite's functions in a new page: on its main thread, or in a worker. */
async function runIn<T>(place: Place, { url }: PageServer, name: keyof Suite, ...values: unknown[]): Promise<T> {
  const page = await openPage(`${url}tests.html`);
  try {
    await page.waitForFunction(() => 'inWorker' in globalThis);
    return (await page.evaluate(
      ({ place, name, values }) => {
        const { suite, inWorker } = globalThis as unknown as {
          suite: Record<string, (...values: unknown[]) => Promise<unknown>>;
          inWorker: (name: string, ...values: unknown[]) => Promise<unknown>;
        };
        return place === 'page' ? suite[name]?.(...values) : inWorker(name, ...values);
      },
      { place, name, values },
    )) as T;
  } finally {
    await page.close();
  }
}

const textOf = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText();
const numberOf = async (page: Page, id: string): Promise<number> =>
  Number.parseFloat((await textOf(page, id)).replace(',', ''));

/** Waits for a number of steps, and returns the losses that were shown. */
async function watchLosses(page: Page, steps: number): Promise<number[]> {
  const losses: number[] = [];
  let last = 0;
  while (last < steps) {
    await page.waitForTimeout(20);
    const failure = page.locator('#train-status.failed');
    if ((await failure.count()) > 0) throw new Error(await failure.innerText());
    const step = await numberOf(page, 'step');
    if (!(step > last)) continue;
    last = step;
    losses.push(await numberOf(page, 'loss'));
  }
  return losses;
}

/** Takes a screenshot, and checks that it is not blank. */
async function expectPicture(page: Page, file: string): Promise<void> {
  const path = join(root, file);
  await page.screenshot({ path, fullPage: true });
  const { channels, entropy } = await sharp(path).stats();
  expect(entropy, `${path} is blank`).toBeGreaterThan(0.3);
  expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(5);
}

describe.skipIf(executable === null)('in Chromium', () => {
  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'tessera-browser-'));
    await writeTinyDataset(join(root, 'data'), { copies: 8 });
    await trainTinyClip(join(root, 'data'), join(root, 'run'));
    server = await serve('isolated', true);
    openServer = await serve('open', false);
    browser = await launchChromium(executable as string);
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all([server?.close(), openServer?.close(), disposeBackends()]);
    if (process.env.TESSERA_KEEP_SCREENSHOTS !== '1') await fs.rm(root, { recursive: true, force: true });
    else console.info(`screenshots: ${root}`);
  });

  describe.each<Place>(['page', 'worker'])('wasm in a %s', (place) => {
    it('passes the test cases of every operation', async () => {
      const { cases, failures } = await runIn<OpsResult>(place, server, 'operations', 'wasm');
      expect(failures).toEqual([]);
      expect(cases).toBeGreaterThan(200);
    });

    it('computes the same bits on one thread and on three', async () => {
      const result = await runIn<ThreadsResult>(place, server, 'threads');
      expect(result).toEqual({ isolated: true, threads: 3, whyOneThread: null, different: 0, elements: 192 * 192 });
    });

    it('has one thread on a page that is not isolated, and reports why', async () => {
      const result = await runIn<ThreadsResult>(place, openServer, 'threads');
      expect(result).toMatchObject({ isolated: false, threads: 1, different: 0 });
      expect(result.whyOneThread).toContain('Cross-Origin-Opener-Policy: same-origin');
    });
  });

  it('a scope frees the results of operations that its asynchronous body started before its first await', async () => {
    const { beforeAwait, afterAwait } = await runIn<ScopeResult>('page', server, 'scopes');
    // A program's table of addresses may have been added, but no tensor remains.
    expect(beforeAwait).toBeLessThan(1000);
    expect(afterAwait).toBeGreaterThan(0);
  });

  it('WebGPU passes test cases, and trains to the weights of wasm', async () => {
    const options: OpsOptions = { every: 5 };
    const { cases, failures } = await runIn<OpsResult>('worker', server, 'operations', 'webgpu', options);
    expect(failures).toEqual([]);
    expect(cases).toBeGreaterThan(30);
    const [wasm, webgpu] = await Promise.all([
      runIn<number[]>('worker', server, 'trainedWeights', 'wasm'),
      runIn<number[]>('worker', server, 'trainedWeights', 'webgpu'),
    ]);
    expect(Math.max(...webgpu.map((value, i) => Math.abs(value - (wasm[i] ?? Number.NaN))))).toBeLessThan(1e-4);
  });

  it('the page trains on threads, evaluates, pauses, and continues on one thread', async () => {
    const page = await openPage(server.url, { colorScheme: 'dark' });
    await page.selectOption('select[name=backend]', 'wasm');
    await page.selectOption('select[name=batch]', '32');
    await page.click('#go');
    await page.waitForFunction(() => document.querySelectorAll('#predictions li').length > 0);
    expect(await textOf(page, 'train-status')).toMatch(/^WebAssembly, (\d+ threads|one thread: )/);
    const losses = await watchLosses(page, 50);
    expect(Math.min(...losses)).toBeLessThan(0.5 * (losses[0] ?? 0));
    await page.waitForFunction(() => Number.parseFloat(document.getElementById('accuracy')?.textContent ?? '') >= 75);
    expect(await page.locator('#predictions li.right').count()).toBeGreaterThanOrEqual(9);
    await page.click('#go');
    expect(await textOf(page, 'go')).toBe('Continue');
    await page.selectOption('select[name=backend]', 'wasm-1');
    await page.waitForFunction(() => document.getElementById('train-status')?.textContent?.includes('one thread'));
    const paused = await numberOf(page, 'step');
    const before = await numberOf(page, 'loss');
    await page.click('#go');
    await page.waitForFunction((step) => Number(document.getElementById('step')?.textContent) > step + 5, paused);
    // It continued, and did not restart.
    expect(await numberOf(page, 'loss')).toBeLessThan(before + 0.7);
    await expectPicture(page, 'training-dark.png');
    expect(page.errors).toEqual([]);
    await page.close();
  });

  it('the page trains on WebGPU', async () => {
    const page = await openPage(server.url);
    await page.selectOption('select[name=backend]', 'webgpu');
    await page.selectOption('select[name=model]', 'vit-tiny');
    await page.selectOption('select[name=batch]', '16');
    await page.click('#go');
    const losses = await watchLosses(page, 40);
    expect(Math.min(...losses)).toBeLessThan(0.8);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  it.each(['red circle', 'blue bar'])(
    'the page finds “%s” with a model of Node, with the same results as in Node',
    async (text) => {
      const page = await openPage(server.url);
      await page.waitForFunction(
        () => document.querySelector<HTMLInputElement>('#search-form input')?.disabled === false,
      );
      await page.fill('#search-form input', text);
      await page.click('#search-form button');
      await page.waitForSelector('#hits li');
      const names = await page.locator('#hits .name').allInnerTexts();
      const scores = await page.locator('#hits .detail').allInnerTexts();
      await expectPicture(page, `search-${text.replace(' ', '-')}.png`);
      await page.close();

      const run = await loadRun(join(root, 'run'));
      using data = await openDataset(join(root, 'data'));
      const test = data.split('test');
      const encoder = new CLIPEncoder(run.subject.model as CLIP, run.subject.text?.tokenizer as Tokenizer, {
        batchSize: 12,
        onTooLong: 'error',
      });
      const captions: string[] = [];
      const pixels: number[] = [];
      for (let row = 0; row < test.length; row++) {
        const { image, captions: own } = (await test.row(row)) as { image: { bytes: Uint8Array }; captions: string[] };
        captions.push(own[0] ?? '');
        pixels.push(...(await decodeImage(image.bytes, { kind: 'square', size: 16 })).data);
      }
      const images = await encoder.encodeImages(Uint8Array.from(pixels));
      const nearest = nearestNeighbors(await encoder.encodeTexts([text]), images, encoder.dims, 12);
      expect(names[0]).toBe(text);
      expect(names).toEqual(Array.from(nearest.indices, (index) => captions[index]));
      expect(scores).toEqual(Array.from(nearest.scores, (score) => `cos ${score.toFixed(3)}`));
      encoder.dispose();
    },
  );
});
