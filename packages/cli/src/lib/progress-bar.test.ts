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

it('is not misled by further slow steps at the beginning, nor by a first epoch that is slower than the others', () => {
  // Of 10,000 steps of 0.1 s, the first takes a minute, the second 8 s, the fourth 5 s.
  const slow = [60, 68, 68.1, 73.1, 73.2, 73.3, 73.4].map((seconds, k) => [seconds, (k + 1) / 10_000] as const);
  expect(shownAfter(slow.slice(0, 4))).toMatch(/step$/);
  for (const count of [5, 6, 7]) expect(shownAfter(slow.slice(0, count))).toMatch(/16:(39|40) left/);
  // 100 steps of 1 s, then 0.25 s for each of 900.
  const seconds = (step: number): number => (step <= 100 ? step : 100 + 0.25 * (step - 100));
  const steps = Array.from({ length: 400 }, (_, k) => [seconds(k + 1), (k + 1) / 1000] as const);
  expect(shownAfter(steps)).toContain('2:30 left');
});

it('counts the pauses of evaluations, however many updates there are', () => {
  // 4,000 steps of 0.1 s, with 10 s after every 100 of them: 0.2 s a step.
  const seconds = (step: number): number => 0.1 * step + 10 * Math.floor((step - 1) / 100);
  const steps = Array.from({ length: 3000 }, (_, k) => [seconds(k + 1), (k + 1) / 4000] as const);
  const [, minutes, rest] = shownAfter(steps).match(/(\d+):(\d+) left/) ?? [];
  expect(Math.abs(Number(minutes) * 60 + Number(rest) - 200)).toBeLessThan(20);
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
