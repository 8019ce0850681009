/** What a program needs that watches runs from outside: who holds a run, and the data of a sweep's drawing. It loads no tensors. */
export { type RunHolder, runHolder } from './run-folder/lock.ts';
export { coordinatesOf } from './sweep/page/coordinates.ts';
