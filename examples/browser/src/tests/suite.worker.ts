/** The worker that runs functions of the test suite. */
import { type Suite, suite } from './suite.ts';

addEventListener('message', ({ data: { name, values } }: MessageEvent<{ name: keyof Suite; values: unknown[] }>) => {
  const run = suite[name] as (...values: unknown[]) => Promise<unknown>;
  run(...values).then(
    (result) => postMessage({ result }),
    (error: Error) => postMessage({ error: `${error.message}\n${error.stack}` }),
  );
});
