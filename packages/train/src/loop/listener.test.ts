/** Functions that a program passes to a run: when they are called, and what happens when they throw or ask to stop. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { inputsOf, runScripted } from '../testing/scripted-run.ts';
import { readCheckpoint } from './checkpoint.ts';
import { CallbackError, type EpochReport, type TrainerListener } from './listener.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'listener-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const newFolder = (): Promise<string> => fs.mkdtemp(join(root, 'run-'));
const lastOf = (folder: string) => readCheckpoint(join(folder, 'checkpoints', 'last.safetensors'));
const values = [0.2, 0.5, 0.3];

/** A listener that calls `call` with the name and the step of each call. */
const each = (call: (name: string, step: number) => 'stop' | undefined): TrainerListener => ({
  onStep: ({ step }) => call('onStep', step),
  onEpoch: async ({ step }) => call('onEpoch', step),
  onEvaluation: async (step) => call('onEvaluation', step),
  onCheckpoint: (_, step) => call('onCheckpoint', step),
});

/** The calls at which a run can end. */
const moments = [
  ['onStep', 1],
  ['onStep', 3],
  ['onEpoch', 6],
  ['onCheckpoint', 2],
  ['onCheckpoint', 6],
  ['onEvaluation', 6],
] as const;

describe('the functions of a listener', () => {
  it('are called in the order of what happens, and training waits for them', async () => {
    const calls: string[] = [];
    const slowly = async (call: string): Promise<void> => {
      calls.push(`${call} begins`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      calls.push(`${call} ends`);
    };
    await runScripted({
      folder: await newFolder(),
      values: [0.2],
      listener: {
        onStep: ({ step }) => slowly(`step ${step}`),
        onEpoch: ({ epoch, epochs }) => slowly(`epoch ${epoch} of ${epochs}`),
        onCheckpoint: (path, step) => slowly(`${path.slice(path.lastIndexOf('/') + 1)} ${step}`),
        onEvaluation: (step, [first]) => slowly(`${first?.split} ${step} ${first?.values.m}`),
      },
    });
    expect(calls).toEqual(
      ['step 1', 'step 2', 'step 3', 'epoch 1 of 1', 'checkpoint-3.safetensors 3', 'test 3 0.2'].flatMap((call) => [
        `${call} begins`,
        `${call} ends`,
      ]),
    );
  });

  it('may be methods of a class', async () => {
    class Counter implements TrainerListener {
      steps = 0;
      onStep(): void {
        this.steps++;
      }
    }
    const listener = new Counter();
    await runScripted({ folder: await newFolder(), values, listener });
    expect(listener.steps).toBe(9);
  });

  it('learn the mean loss of an epoch, also of one that was resumed', async () => {
    const losses: number[] = [];
    const epochs: EpochReport[] = [];
    const listener: TrainerListener = {
      onStep: ({ loss }) => void losses.push(loss),
      onEpoch: (report) => void epochs.push(report),
    };
    await runScripted({ folder: await newFolder(), values, listener });
    const means = [0, 3, 6].map((first) => losses.slice(first, first + 3).reduce((sum, loss) => sum + loss, 0) / 3);
    expect(epochs.map(({ loss }) => loss)).toEqual(means);
    expect(epochs[1]).toMatchObject({ epoch: 2, epochs: 3, step: 6, lr: 0.1 });
    for (const { seconds, imagesPerSecond } of epochs) expect(seconds * imagesPerSecond).toBeCloseTo(12, 6);

    const folder = await newFolder();
    const controller = new AbortController();
    const stop: TrainerListener = { onStep: ({ step }) => (step === 5 ? controller.abort() : undefined) };
    await runScripted({ folder, values, listener: stop, signal: controller.signal });
    epochs.length = 0;
    await runScripted({ folder, values, listener, resume: await lastOf(folder) });
    expect(epochs.map(({ loss }) => loss)).toEqual(means.slice(1));
  });

  it.each(moments)('that throw end the run with a checkpoint: %s after step %i', async (name, step) => {
    const whole = await runScripted({ folder: await newFolder(), values, everySteps: 2 });
    const folder = await newFolder();
    const cause = new Error('no such table');
    const listener = each((called, at) => {
      if (called === name && at === step) throw cause;
      return undefined;
    });
    const error = await runScripted({ folder, values, everySteps: 2, listener }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CallbackError);
    expect(error).toMatchObject({
      cause,
      message: `the callback ${name} threw after step ${step}: no such table\n  the run can be continued from ${join(folder, 'checkpoints', 'last.safetensors')}`,
    });
    const checkpoint = await lastOf(folder);
    expect(checkpoint.state.step).toBe(step);
    expect(await runScripted({ folder, values, everySteps: 2, resume: checkpoint })).toEqual(whole);
  });

  it.each(moments)("that return 'stop' end the run with an evaluation: %s after step %i", async (name, step) => {
    const whole = await runScripted({ folder: await newFolder(), values, everySteps: 2 });
    const folder = await newFolder();
    const evaluations: number[] = [];
    const listener = each((called, at) => {
      if (called === 'onEvaluation') evaluations.push(at);
      return called === name && at === step ? 'stop' : undefined;
    });
    const end = await runScripted({ folder, values, everySteps: 2, listener });
    expect(end).toMatchObject({
      finished: true,
      position: { step },
      stopReason: `the callback ${name} returned 'stop'`,
    });
    expect(evaluations.at(-1)).toBe(step);
    const checkpoint = await lastOf(folder);
    expect(checkpoint.state.step).toBe(step);
    expect(await runScripted({ folder, values, everySteps: 2, resume: checkpoint })).toEqual(whole);
  });

  it("that return 'stop' within an epoch let complete averages be evaluated", async () => {
    const folder = await newFolder();
    const means: number[][] = [];
    const meanOf = async (state: ReadonlyMap<string, Tensor>) => [
      ...((await state.get('0.running_mean')?.data()) ?? []),
    ];
    const run = {
      ...{ folder, values, swaStartEpoch: 1, everyEpochs: 3 },
      seen: async (model: Module) => void means.push(await meanOf(model.stateDict())),
    };
    await runScripted({ ...run, listener: { onStep: ({ step }) => (step === 5 ? 'stop' : undefined) } });
    // The first layer sees the inputs: its statistics are means over the batches of the last complete epoch.
    const inputs = [0, 1, 2].flatMap((step) => [...inputsOf(step)]);
    const expected = [0, 1].map((column) => inputs.reduce((sum, x, k) => sum + (k % 2 === column ? x / 12 : 0), 0));
    const close = expected.map((mean) => expect.closeTo(mean, 6));
    expect(means).toEqual([close]);
    const checkpoint = await lastOf(folder);
    expect(checkpoint.state.step).toBe(5);
    expect(await meanOf(checkpoint.modelState())).toEqual(means[0]);
    const whole = await runScripted({ ...run, folder: await newFolder() });
    expect(await runScripted({ ...run, resume: checkpoint })).toEqual(whole);
  });

  it('have no reason to stop after the last step', async () => {
    const end = await runScripted({
      folder: await newFolder(),
      values,
      listener: { onEvaluation: (step) => (step === 9 ? 'stop' : undefined) },
    });
    expect(end).toMatchObject({ finished: true, stopReason: null });
  });
});
