import { Writable } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { ProgressBar } from './progress-bar.ts';

/** A terminal of some columns that keeps what is written to it. */
function terminal(columns: number): { stream: NodeJS.WriteStream; lines: () => string[] } {
  let written = '';
  const sink = new Writable({
    write(chunk, _, done) {
      written += chunk;
      done();
    },
  });
  const stream = Object.assign(sink, { isTTY: true, columns }) as unknown as NodeJS.WriteStream;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
  const lines = () => written.split('\r').map((line) => line.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, ''));
  return { stream, lines };
}

it.each([200, 80, 40, 20, 3, 0])('never fills a line of a terminal of %d columns', (columns) => {
  const { stream, lines } = terminal(columns);
  const bar = new ProgressBar(stream);
  bar.update(0.5, ['step 12345/67890', 'epoch 12.5', 'loss 1.234', '1234 images/s', 'MFU 55 %']);
  for (const line of lines()) expect(line.length).toBeLessThan(Math.max(1, columns));
});

it('shows the bar where there is room for it, otherwise the text alone', () => {
  const [wide, narrow] = [terminal(100), terminal(30)];
  for (const { stream } of [wide, narrow]) new ProgressBar(stream).update(0.5, ['step 1/2']);
  expect(wide.lines().at(-1)).toMatch(/^█{12}░{12} {2}50 % {2}step 1\/2/);
  expect(narrow.lines().at(-1)).toMatch(/^ 50 % {2}step 1\/2/);
});

afterEach(() => {
  vi.useRealTimers();
});

/** What a bar shows after updates at some times, in seconds since it was made. */
function shownAfter(updates: readonly (readonly [seconds: number, fraction: number])[]): string {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { stream, lines } = terminal(100);
  const bar = new ProgressBar(stream);
  let now = 0;
  for (const [seconds, fraction] of updates) {
    vi.advanceTimersByTime((seconds - now) * 1000);
    now = seconds;
    bar.update(fraction, ['step']);
  }
  return lines().at(-1) ?? '';
}

it('estimates the remaining time from the steps after the first one, which compiles', () => {
  // 20 s of preparations and compiling, then 1 s for each of 100 steps.
  const steps = Array.from({ length: 5 }, (_, k) => [20 + k, (k + 1) / 100] as const);
  expect(shownAfter(steps.slice(0, 4))).toMatch(/step$/);
  expect(shownAfter(steps)).toContain('step  1:35 left');
});

it('does not count what another process did, and starts again where progress starts again', () => {
  const resumed = Array.from({ length: 5 }, (_, k) => [5 + 2 * k, 0.5 + k / 100] as const);
  // 46 of 100 steps remain, of 2 s each.
  expect(shownAfter(resumed)).toContain('1:32 left');
  const teacher = Array.from({ length: 10 }, (_, k) => [k, (k + 1) / 10] as const);
  const student = Array.from({ length: 5 }, (_, k) => [20 + 3 * k, (k + 1) / 10] as const);
  expect(shownAfter([...teacher, ...student])).toContain('0:15 left');
  expect(shownAfter(teacher)).toContain('step  0:09');
});
