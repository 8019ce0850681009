// Timelines.
import { compile, setDefaultBackend, type Tensor, WasmBackend, type WasmExecutable, zeros } from '@tessera/tensor';
import { afterAll, expect, test } from 'vitest';
import { summarizeTrace, traceEvents } from './trace.ts';

const backend = setDefaultBackend('wasm');
afterAll(() => backend.dispose());

test('a run becomes a timeline: each kernel on each thread, and the memory of temporaries', async () => {
  expect(backend).toBeInstanceOf(WasmBackend);
  const step = compile((a: Tensor) => a.matmul(a).matmul(a).sum(1));
  await step(zeros([64, 64]));
  const program = await step.program(zeros([64, 64]));
  const spans = await (program.executable as WasmExecutable).trace(program.allocations);
  const kernels = program.plan.stages.flat();
  const events = traceEvents('products', program, spans);
  const complete = events.filter(({ ph }) => ph === 'X');
  expect(complete.length).toBe(spans.length);
  expect(new Set(complete.map(({ name }) => name))).toEqual(new Set(kernels.map(({ name }) => name)));
  for (const { ts, dur } of complete) {
    expect(ts).toBeGreaterThanOrEqual(0);
    expect(dur).toBeGreaterThanOrEqual(0);
  }
  expect(events.filter(({ ph }) => ph === 'C').length).toBe(kernels.length);
  expect(JSON.parse(JSON.stringify(events))).toEqual(events);
});

test('computes how much of the time threads were busy', () => {
  const spans = [
    { kernel: 0, thread: 0, start: 10, end: 14, operations: 1 },
    { kernel: 0, thread: 1, start: 10, end: 12, operations: 1 },
    { kernel: 1, thread: 0, start: 14, end: 20, operations: 1 },
    { kernel: 1, thread: 1, start: 14, end: 18, operations: 1 },
  ];
  expect(summarizeTrace(spans)).toEqual({ milliseconds: 10, busy: 0.8 });
});
