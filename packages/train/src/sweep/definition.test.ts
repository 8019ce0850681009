/** The file of a sweep: what it can contain, and the messages for mistakes. */
import { describe, expect, it } from 'vitest';
import { parseSweep } from './definition.ts';
import { planSweep } from './plan.ts';

/** The plan of a file. */
const plan = (text: string, shared: string | null = null) =>
  planSweep({
    definition: parseSweep(text, 'lr.yaml'),
    path: 'lr.yaml',
    name: 'lr',
    shared: shared === null ? null : { text: shared, path: 'base.yaml' },
  });

const problems = (text: string): readonly string[] => {
  try {
    plan(text);
    return [];
  } catch (error) {
    return (error as { problems: readonly string[] }).problems;
  }
};

describe('a sweep', () => {
  it('combines preset, file, settings, parameters and seeds, the later ones over the earlier ones', () => {
    const { configurations, metric, mode, rungs } = plan(
      `
method: grid
preset: tiny
settings: { optimizer.weightDecay: 0.1, training: { batchSize: 4 } }
parameters: { optimizer.lr: [1e-3, 1e-2] }
seeds: [3, 4]`,
      'training: { batchSize: 8, epochs: 7 }',
    );
    expect(configurations.map(({ assignment, number }) => [number, assignment['optimizer.lr']])).toEqual([
      [1, 1e-3],
      [2, 1e-2],
    ]);
    const runs = configurations.flatMap((one) => one.runs);
    expect(runs.map(({ seed, config }) => [seed, config.seed, config.optimizer.lr])).toEqual([
      [3, 3, 1e-3],
      [4, 4, 1e-3],
      [3, 3, 1e-2],
      [4, 4, 1e-2],
    ]);
    expect(runs[0]?.config).toMatchObject({
      name: 'lr: lr=0.001, seed=3',
      data: { dataset: 'emoji' },
      optimizer: { weightDecay: 0.1 },
      training: { batchSize: 4, epochs: 7 },
    });
    expect(runs[0]?.folder).toMatch(/^lr=0\.001_seed=3_[0-9a-f]{8}$/);
    expect({ metric, mode, rungs }).toEqual({
      metric: 'imageToTextR1',
      mode: 'max',
      rungs: [{ configurations: 2, epochs: 7 }],
    });
  });

  it('names a run by all settings that its numbers depend on, and by no others', () => {
    const folder = (settings: string): string | undefined =>
      plan(`{ method: grid, preset: tiny, settings: { ${settings} }, parameters: { optimizer.lr: [1e-3] } }`)
        .configurations[0]?.runs[0]?.folder;
    expect(folder('training.batchSize: 4')).not.toBe(folder('training.batchSize: 8'));
    expect(folder('evaluation.limit: 4')).not.toBe(folder('evaluation.limit: 8'));
    expect(folder('checkpoints.keep: 4, runtime.threads: 1, data.workers: 0')).toBe(folder(''));
  });

  it('with sections as values and successive halving', () => {
    const { configurations, rungs } = plan(`
method: successive-halving
preset: tiny
parameters:
  optimizer: [{ kind: sgd, momentum: 0.9 }, { kind: adamw }]
  model.vision.layers: { distribution: integer, min: 1, max: 4 }
configurations: 8
eta: 2
maxEpochs: 8`);
    expect(rungs.map(({ epochs }) => epochs)).toEqual([1, 2, 4, 8]);
    const kinds = configurations.map(({ runs }) => runs[0]?.config.optimizer.kind);
    expect(kinds.toSorted()).toEqual([...Array(4).fill('adamw'), ...Array(4).fill('sgd')]);
    expect(configurations.every(({ runs }) => runs[0]?.config.training.epochs === 8)).toBe(true);
  });
});

describe('a mistake in the file', () => {
  const base = 'preset: tiny\nparameters: { optimizer.lr: [1e-3, 1e-2] }\n';
  it.each([
    [`${base}`, 'lr.yaml: method is missing; choose grid, random, successive-halving'],
    [
      `${base}method: randon`,
      'lr.yaml: method: "randon" is not one of grid, random, successive-halving; did you mean random?',
    ],
    [`${base}method: grid\nparalel: 2`, 'lr.yaml: there is no key paralel; did you mean parallel?'],
    [
      `${base}method: random\nruns: 2`,
      'lr.yaml: configurations: is missing',
      'lr.yaml: there is no key runs; did you mean configurations (each is one run for each of the seeds)?',
    ],
    [`${base}method: random\nconfigurations: 0`, 'lr.yaml: configurations: expected more than 0'],
    [`${base}method: random\nconfigurations: two`, 'lr.yaml: configurations: expected a number'],
    [`${base}method: grid\nseeds: [1, 1]`, 'lr.yaml: seeds: a seed is listed twice'],
    [`${base}method: grid\nmode: best`, 'lr.yaml: mode: expected min or max'],
    [
      `${base}method: random\nconfigurations: 3`,
      'configurations is 3, but the parameters have only 2 different combinations: method grid trains them all',
    ],
    [
      `${base}method: grid\nsettings: { optimizer.lrr: 1 }`,
      'lr.yaml: settings: optimizer.lrr: there is no such setting; did you mean optimizer.lr?',
    ],
    [`${base}method: grid\npreset: small`, 'Map keys must be unique'],
    [
      `${base}method: grid\nmetric: top5`,
      'lr.yaml: mode is missing: say whether the best top5 is the largest (max) or the smallest (min); only for the main measure, imageToTextR1, it is known',
    ],
    [
      `${base}method: successive-halving\nconfigurations: 2\nminEpochs: 4`,
      'lr.yaml: minEpochs is 4, but the runs have training.epochs=2: set maxEpochs, or a smaller minEpochs',
    ],
    [
      `${base}method: successive-halving\nconfigurations: 2\nminEpochs: 4\nmaxEpochs: 3`,
      'lr.yaml: minEpochs is 4, more than maxEpochs, 3',
    ],
    [
      `${base}method: successive-halving\nconfigurations: 2\nsettings: { training.maxSteps: 5 }`,
      'lr.yaml: training.maxSteps is set, but successive-halving counts epochs: set maxEpochs in place of it',
    ],
    [
      'method: grid\nparameters: {}',
      'lr.yaml: parameters: there are none, and fewer than two seeds, so there is nothing to compare',
    ],
    [
      'method: grid\npreset: tiny\nparameters: { optimizer.lr: 1e-3 }',
      'lr.yaml: parameters.optimizer.lr: expected a list of values, or a range such as { distribution: log-uniform, min: 1e-4, max: 1e-2 }, got 0.001; a fixed value belongs to "settings"',
    ],
    [
      'method: grid\nparameters: { seed: [1, 2] }',
      'lr.yaml: parameters.seed: list the seeds of the runs under "seeds"',
    ],
    ['method: grid\nparameters: { optimizer.lr: [1, 1] }', 'lr.yaml: parameters.optimizer.lr: the list has 1 twice'],
    [
      'method: grid\nparameters: { optimizer.lr: { distribution: uniform, min: 0, max: 1 } }',
      'lr.yaml: parameters.optimizer.lr: a grid needs a list of values; ranges are for random and successive-halving',
    ],
    [
      'method: random\nconfigurations: 2\nparameters: { optimizer.lr: { distribution: log, min: 0, max: 1 } }',
      'lr.yaml: parameters.optimizer.lr: "log" is not one of the distributions uniform, log-uniform, integer',
    ],
    [
      'method: random\nconfigurations: 2\nparameters: { optimizer.lr: { distribution: log-uniform, min: 0, max: 1 } }',
      'lr.yaml: parameters.optimizer.lr: min: expected more than 0',
    ],
    [
      'method: random\nconfigurations: 2\nparameters: { optimizer.lr: { distribution: integer, min: 0.5, maximum: 1 } }',
      'lr.yaml: parameters.optimizer.lr: min: expected a whole number; max: is missing; there is no key maximum; the keys are distribution, min, max',
    ],
    [
      'method: random\nconfigurations: 2\nparameters: { optimizer.lr: { distribution: uniform, min: 2, max: 1 } }',
      'lr.yaml: parameters.optimizer.lr: min is 2 and max is 1: max must be larger',
    ],
    [
      'method: successive-halving\nconfigurations: 2\nparameters: { training.epochs: [1, 2] }',
      'lr.yaml: parameters.training.epochs: successive-halving chooses the epochs itself, up to maxEpochs',
    ],
    [
      'method: grid\npreset: tiny\nparameters: { optimizer.lr: [1, -1] }',
      'lr.yaml: parameters: optimizer.lr: expected at least 0, got -1',
    ],
    [
      'method: grid\npreset: tiny\nparameters: { optimizer.lr: [1, 2], optimizer: [{ kind: adamw, lr: 3 }] }',
      'lr.yaml: parameters: configurations 1 and 2 have the same settings (a later parameter overrides an earlier one)',
    ],
  ])('%j is named', (text, ...messages) => {
    const found = problems(text);
    for (const message of messages) expect(found.join('\n')).toContain(message);
  });
});
