/** How long the dashboard takes to open with many long runs, and how long to compare all of them. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pageFiles, serveDashboard } from '@tessera/dashboard';
import { findChromium, launchChromium, writeMadeUpRun } from '@tessera/dashboard/testing';

export interface DashboardOptions {
  readonly runs: number;
  readonly steps: number;
  say(line: string): void;
}

/** Times in milliseconds. */
export interface DashboardReport {
  readonly runs: number;
  readonly steps: number;
  /** Of all metrics files together, in bytes. */
  readonly bytes: number;
  /** From the start of the server to its first answer. */
  readonly start: number;
  /** From opening the page to the first drawn curves of the latest runs, without an index; null without Chromium. */
  readonly open: number | null;
  /** From opening the page with all runs to a curve of each. */
  readonly openAll: number | null;
  /** Until all runs are indexed, in the background. */
  readonly indexed: number | null;
  /** From opening the page with all runs to a curve of each, once they are indexed. */
  readonly openIndexed: number | null;
}

/** Writes made-up runs to a temporary folder, and opens them. */
export async function measureDashboard({ runs, steps, say }: DashboardOptions): Promise<DashboardReport> {
  const root = await fs.mkdtemp(join(tmpdir(), 'tessera-bench-dashboard-'));
  try {
    say(`dashboard: writing ${runs} runs of ${steps} steps`);
    const [first, ...names] = Array.from({ length: runs }, (_, k) => `run-${String(k).padStart(3, '0')}`);
    const run = { steps, stepsPerEpoch: steps / 10, epochs: 10 };
    const folder = await writeMadeUpRun(root, { ...run, name: first ?? 'run' });
    const { size } = await fs.stat(join(folder, 'metrics.jsonl'));
    // The numbers of the runs do not matter for the time; writing them all would take minutes.
    for (const name of names) await fs.cp(folder, join(root, name), { recursive: true });
    const page = await pageFiles();
    const began = performance.now();
    const dashboard = await serveDashboard({ folder: root, page });
    const start = performance.now() - began;
    const times = await openPages(dashboard.url, runs, say).finally(() => dashboard.close());
    return { runs, steps, bytes: size * runs, start, ...times };
  } finally {
    await fs.rm(root, { recursive: true });
  }
}

type Times = Pick<DashboardReport, 'open' | 'openAll' | 'indexed' | 'openIndexed'>;

async function openPages(url: string, runs: number, say: (line: string) => void): Promise<Times> {
  const executable = findChromium();
  if (executable === null) {
    say('dashboard: no Chromium on the path: the page is not opened');
    return { open: null, openAll: null, indexed: null, openIndexed: null };
  }
  const browser = await launchChromium(executable);
  /** Opens a page, and waits until its chart of the training loss tells of some curves. */
  const timeToOpen = async (query: string, curves: number): Promise<number> => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    // The browser's own start does not count.
    await page.goto('about:blank');
    const began = performance.now();
    await page.goto(`${url}${query}`);
    await page.waitForFunction(
      (count) => {
        const label = [...document.querySelectorAll('[role=img]')]
          .map((element) => element.getAttribute('aria-label') ?? '')
          .find((text) => text.startsWith('Training loss, last values'));
        const named = label?.match(/run-\d+ /g)?.length ?? 0;
        const [, more = '0'] = label?.match(/and (\d+) more/) ?? [];
        return named + Number(more) >= count;
      },
      curves,
      { timeout: 120_000, polling: 20 },
    );
    const took = performance.now() - began;
    if (curves < runs) await page.close();
    return took;
  };
  try {
    say('dashboard: opening the latest runs, then all');
    const open = await timeToOpen('', Math.min(8, runs));
    const began = performance.now();
    const openAll = await timeToOpen('?runs=all', runs);
    for (const page of browser.contexts().flatMap((context) => context.pages()))
      await page.waitForFunction(() => !document.body.innerText.includes('being read'), null, { timeout: 600_000 });
    const indexed = performance.now() - began;
    return { open, openAll, indexed, openIndexed: await timeToOpen('?runs=all', runs) };
  } finally {
    await browser.close();
  }
}
