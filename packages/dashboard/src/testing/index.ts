/** What tests and benchmarks of pages need: a browser, and made-up runs. */
export { findChromium, launchChromium } from './chromium.ts';
export { type MadeUpRun, madeUpLines, writeMadeUpRun } from './made-up-run.ts';
