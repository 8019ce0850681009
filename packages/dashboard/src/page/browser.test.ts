// The page in Chromium: following a run, comparing, zooming, links, pictures, and what a narrow or dark page looks like.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderReport, type StepRecord } from '@tessera/train/report';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dashboard, pageFiles, serveDashboard } from '../index.ts';
import { findChromium, launchChromium, madeUpLines, writeMadeUpRun } from '../testing/index.ts';

const executable = findChromium();
if (executable === null)
  console.info(
    'skipping the browser tests of the dashboard: there is no Chromium on the path (apt-get install chromium, or set TESSERA_CHROMIUM)',
  );

let root: string;
let browser: Browser;
let dashboard: Dashboard;

const run = { stepsPerEpoch: 100, epochs: 4 };
const all = [...madeUpLines({ ...run, name: 'live', steps: 400 })];

/** The run whose lines are appended during the test: its first lines. */
const writeLive = (lines: number): Promise<void> =>
  fs.writeFile(join(root, 'runs', 'live', 'metrics.jsonl'), `${all.slice(0, lines).join('\n')}\n`);

/** A page whose errors, those of its policy among them, fail the test. */
async function withPage(
  query: string,
  options: { readonly width?: number; readonly dark?: boolean },
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const { width = 1400, dark = false } = options;
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light' });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  try {
    await page.goto(`${dashboard.url}${query}`);
    await use(page);
    expect(errors).toEqual([]);
  } finally {
    await page.close();
  }
}

/** Takes a screenshot, checks that it is not blank, and that nothing is wider than the page. */
async function expectPicture(page: Page, file: string): Promise<void> {
  const path = join(root, file);
  await page.screenshot({ path });
  const { entropy } = await sharp(path).stats();
  expect(entropy, `${path} is blank`).toBeGreaterThan(0.3);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

const words = (page: Page): Promise<string> => page.locator('#app').innerText();
const waitForWords = (page: Page, expected: string): Promise<unknown> =>
  page.waitForFunction((text) => document.getElementById('app')?.innerText.includes(text), expected);
const labelOf = (page: Page, title: string): Promise<string | null> =>
  page.locator('.chart', { hasText: title }).locator('[role=img]').first().getAttribute('aria-label');

describe.skipIf(executable === null)('the page in Chromium', () => {
  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'dashboard-page-'));
    for (const [name, lr] of [
      ['first', 1e-3],
      ['second', 3e-3],
    ] as const)
      await writeMadeUpRun(join(root, 'runs'), { ...run, name, steps: 400, lr });
    await writeMadeUpRun(join(root, 'runs'), { ...run, name: 'live', steps: 120 });
    const picture = sharp({ create: { width: 60, height: 40, channels: 3, background: '#c9622b' } });
    await picture.png().toFile(join(root, 'runs', 'first', 'samples', 'training-batch.png'));
    const report = `<!doctype html><p id="told">results</p><script>parent.postMessage({ reportHeight: 321 }, '*')</script>`;
    await fs.writeFile(join(root, 'runs', 'first', 'report.html'), report);
    browser = await launchChromium(executable as string);
    dashboard = await serveDashboard({ folder: join(root, 'runs'), page: await pageFiles(), interval: 50 });
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.close();
    await fs.rm(root, { recursive: true, force: true });
  });

  it('lists the runs and draws the curves of the latest', () =>
    withPage('', {}, async (page) => {
      await page.waitForSelector('.chart .u-wrap');
      expect(await page.locator('.runs > li').count()).toBe(3);
      expect(await words(page)).toContain('3 of 3 compared');
      await page.waitForFunction(() => document.querySelector('.chart [role=img]')?.ariaLabel?.includes('second'));
      expect(await labelOf(page, 'Training loss')).toMatch(/^Training loss, last values: .*first 0\.\d+/);
      await expectPicture(page, 'runs.png');
    }));

  it('follows a run, also when a resumed one takes lines back', () =>
    withPage('?run=live', { dark: true }, async (page) => {
      await writeLive(121);
      await waitForWords(page, '120');
      await writeLive(250);
      await waitForWords(page, 'epoch 2.48');
      await page.waitForFunction(() => document.querySelectorAll('.chart .u-wrap').length > 5);
      await expectPicture(page, 'live-dark.png');
      await writeLive(60);
      await waitForWords(page, 'epoch 0.6');
    }));

  it('shows the same by its address: axis, logarithmic scale, zoom, and the chosen runs', () =>
    withPage('?runs=second&x=epoch&log=step%3Aloss&range=1%3A3', {}, async (page) => {
      await page.waitForSelector('.chart .u-wrap');
      expect(await words(page)).toContain('1 of 3 compared');
      expect(await page.locator('button[aria-pressed=true]').count()).toBe(1);
      await page.getByText('Show all of the x-axis').click();
      expect(page.url()).not.toContain('range');
      await page.getByLabel('compare first').check();
      expect(new URL(page.url()).searchParams.get('runs')).toBe('first,second');
      // Dragging over a chart zooms in on all of them.
      const box = await page.locator('.u-over').first().boundingBox();
      if (box === null) throw new Error('no chart');
      await page.mouse.move(box.x + 50, box.y + 60);
      await page.mouse.down();
      await page.mouse.move(box.x + 200, box.y + 60, { steps: 4 });
      await page.mouse.up();
      await page.waitForFunction(() => location.search.includes('range='));
      await page.mouse.move(box.x + 150, box.y + 60);
      await page.waitForSelector('.tooltip');
      expect(await page.locator('.tooltip').innerText()).toMatch(/epoch \d/);
      await page.locator('.u-over').first().dblclick();
      await page.waitForFunction(() => !location.search.includes('range='));
    }));

  it('compares best values and settings in tables', () =>
    withPage('?tab=table&runs=first,second', {}, async (page) => {
      await page.waitForSelector('td.best');
      expect(await page.locator('table.results tbody tr').count()).toBe(2);
      await page.getByRole('button', { name: /^Image to text, R@1/ }).click();
      expect(await page.locator('th[aria-sort=descending]').count()).toBe(1);
      await page.getByRole('tab', { name: 'Settings' }).click();
      await page.waitForSelector('table.settings');
      expect(await words(page)).toContain('optimizer.lr');
      expect(await words(page)).not.toContain('training.batchSize');
      await page.getByLabel('Equal settings, too').check();
      expect(await words(page)).toContain('training.batchSize');
      await page.goBack();
      await page.waitForSelector('td.best');
    }));

  it('shows pictures, and the results of a report that can read nothing', () =>
    withPage('?run=first&tab=pictures', {}, async (page) => {
      await page.getByRole('button', { name: 'training batch' }).click();
      await page.waitForSelector('dialog[open] img');
      await page.keyboard.press('Escape');
      await page.getByRole('tab', { name: 'Results' }).click();
      await page.waitForFunction(() => document.querySelector('iframe')?.style.height === '321px');
      expect(await page.evaluate(() => document.querySelector('iframe')?.contentDocument)).toBeNull();
    }));

  it('a report draws its charts as the page does, without a server', async () => {
    const path = join(root, 'report.html');
    const records = all.map((line) => JSON.parse(line) as StepRecord);
    await fs.writeFile(path, renderReport({ title: 'run', summary: {}, config: {}, environment: {}, records }));
    const page = await browser.newPage({ viewport: { width: 390, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(pathToFileURL(path).href);
    // Six numbers of a step, two of an evaluation.
    expect(await page.locator('.chart .u-wrap').count()).toBe(8);
    const key = page.locator('.chart', { hasText: 'Training loss' }).locator('.key');
    expect(await key.innerText()).toMatch(/each step 0\.\d+\s+smoothed 0\.\d+\s+step 400/);
    // The pointer shows the values of a step; a part that is dragged over is shown alone, in all charts over steps.
    const over = page.locator('.u-over').first();
    const box = await over.boundingBox();
    if (box === null) throw new Error('no chart');
    const drawn = async (): Promise<string[]> =>
      page.locator('.chart canvas').evaluateAll((all) => all.map((one) => (one as HTMLCanvasElement).toDataURL()));
    const before = await drawn();
    await page.mouse.move(box.x + 0.5 * box.width, box.y + 60);
    await page.waitForFunction(() => document.querySelector('.key')?.textContent?.match(/step (19|20)\d$/));
    await page.mouse.down();
    await page.mouse.move(box.x + 0.9 * box.width, box.y + 60, { steps: 3 });
    await page.mouse.up();
    const changed = async () => (await drawn()).map((image, k) => image !== before[k]);
    await expect.poll(changed).toEqual([true, true, true, true, true, true, false, false]);
    await over.dblclick();
    await expect.poll(changed).toEqual(Array(8).fill(false));
    await expectPicture(page, 'report.png');
    expect(errors).toEqual([]);
    await page.close();
  });

  it('is usable on a phone', () =>
    withPage('', { width: 390 }, async (page) => {
      await page.waitForSelector('.chart .u-wrap');
      await expectPicture(page, 'phone.png');
      await page.locator('.run-list > summary').click();
      await page.getByRole('link', { name: 'second' }).click();
      await page.waitForSelector('h1');
      await expectPicture(page, 'phone-run.png');
    }));

  it('says what is missing: a run that is gone, and a server that has stopped', async () => {
    await withPage('?run=gone', {}, (page) => waitForWords(page, 'There is no run gone').then(() => undefined));
    const own = await serveDashboard({ folder: join(root, 'runs'), page: await pageFiles(), interval: 50 });
    const page = await browser.newPage();
    await page.goto(own.url);
    await page.waitForSelector('.runs > li');
    await own.close();
    await waitForWords(page, 'The dashboard has stopped');
    await page.close();
  });
});
