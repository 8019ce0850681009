import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
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
