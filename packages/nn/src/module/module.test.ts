/** Modules: names, state, modes, and moving to another backend. */
import { registerReferenceBackends, tensor, zeros } from '@tessera/tensor';
import { realizedStorage } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, test } from 'vitest';
import { normal, skipInit } from '../init/init.ts';
import { ReLU } from '../layers/activations.ts';
import { BatchNorm2d, Conv2d, Linear, Sequential } from '../layers/index.ts';
import { useBackend } from '../testing/backends.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

class Block extends Module {
  readonly conv1 = new Conv2d(3, 4, 3, { bias: false });
  readonly bn1 = new BatchNorm2d(4);
  readonly downsample: Sequential | null = new Sequential(['-1', new ReLU()], ['0', new Linear(2, 2)]);
  readonly label = 'not a parameter';
}

class Model extends Module {
  readonly scale = new Parameter(tensor(2));
  readonly blocks = [new Block(), new Block()];
  readonly absent: Linear | null = null;
}

beforeAll(() => useBackend('reference'));

const blockNames = [
  'conv1.weight',
  'bn1.weight',
  'bn1.bias',
  'bn1.running_mean',
  'bn1.running_var',
  'bn1.num_batches_tracked',
  'downsample.0.weight',
  'downsample.0.bias',
];

describe('names', () => {
  test('are the paths of fields, lists and Sequential members', () => {
    const expected = [
      'scale',
      ...['blocks.0', 'blocks.1'].flatMap((path) => blockNames.map((name) => `${path}.${name}`)),
    ];
    expect([...new Model().stateDict().keys()]).toEqual(expected);
  });

  test('are set on the parameters, for messages', () => {
    const model = new Model();
    model.parameters();
    expect(model.blocks[1]?.conv1.weight.name).toBe('blocks.1.conv1.weight');
  });

  test('buffers are not parameters', () => {
    const block = new Block();
    expect(block.namedBuffers().map(([name]) => name)).toEqual(blockNames.slice(3, 6));
    expect(block.namedParameters()).toHaveLength(5);
    expect(block.bn1.num_batches_tracked?.dtype).toBe('i32');
  });

  test('a shared parameter is one parameter, and has both names in the state', () => {
    class Tied extends Module {
      readonly encoder = new Linear(2, 3, { bias: false });
      readonly weight = this.encoder.weight;
    }
    const tied = new Tied();
    expect(tied.namedParameters().map(([name]) => name)).toEqual(['weight']);
    expect([...tied.stateDict().keys()]).toEqual(['weight', 'encoder.weight']);
  });

  test('a module that refers to itself is visited once', () => {
    class Loop extends Module {
      readonly self = this;
      readonly linear = new Linear(1, 1);
    }
    expect([...new Loop().namedModules()].map(([name]) => name)).toEqual(['', 'linear']);
  });

  test('Sequential returns its modules by name', () => {
    const relu = new ReLU();
    const sequence = new Sequential(['a', relu], ['b', new ReLU()]);
    expect(sequence.get('a')).toBe(relu);
    expect(() => sequence.get('c')).toThrow("Sequential: no module is named 'c'; the names are a, b");
  });

  test('Sequential refuses a name twice', () => {
    expect(() => new Sequential(['a', new ReLU()], ['a', new ReLU()])).toThrow("Sequential: two modules are named 'a'");
  });
});

describe('state', () => {
  test('goes from one module to another', async () => {
    const [from, to] = [new Model(), new Model()];
    const images = normal()([2, 3, 3, 3]);
    const run = ({ blocks: [block] }: Model) => (block as Block).conv1.forward(images).data();
    expect(await run(to)).not.toEqual(await run(from));
    expect(to.loadStateDict(from.stateDict())).toEqual({ missing: [], unexpected: [] });
    expect(await run(to)).toEqual(await run(from));
  });

  test('that does not fit is refused with every reason, and nothing is changed', async () => {
    const model = new Model();
    const state = new Map(model.stateDict());
    state.set('scale', zeros([]));
    const weight = state.get('blocks.0.conv1.weight');
    state.delete('blocks.0.conv1.weight');
    state.set('blocks.0.conv1.wieght', weight as Parameter);
    state.set('blocks.1.bn1.bias', zeros([5]));
    state.set('blocks.1.bn1.num_batches_tracked', zeros([]));
    expect(() => model.loadStateDict(state)).toThrow(
      [
        'Model.loadStateDict: the state does not fit the module',
        'missing: blocks.0.conv1.weight [4, 3, 3, 3]',
        'unexpected: blocks.0.conv1.wieght (did you mean blocks.0.conv1.weight?)',
        'shape: blocks.1.bn1.bias is [4] in the module and [5] in the state',
        'dtype: blocks.1.bn1.num_batches_tracked is i32 in the module and f32 in the state',
      ].join('\n  '),
    );
    expect(await model.scale.item()).toBe(2);
  });

  test('may be partial where it is not strict, but shapes must fit', async () => {
    const model = new Model();
    const result = model.loadStateDict({ scale: tensor(3), other: tensor(1) }, { strict: false });
    expect(result.unexpected).toEqual(['other']);
    expect(result.missing).toHaveLength(2 * blockNames.length);
    expect(await model.scale.item()).toBe(3);
    expect(() => model.loadStateDict({ scale: zeros([1]) }, { strict: false })).toThrow('shape: scale is []');
  });

  test('is cast to the dtype of the module', async () => {
    const linear = new Linear(1, 1).to('f64');
    linear.loadStateDict({ weight: tensor([[0.5]]), bias: tensor([0.25]) });
    expect(linear.weight.dtype).toBe('f64');
    expect(await linear.forward(tensor(Float64Array.of(2))).data()).toEqual(Float64Array.of(1.25));
  });

  test('of a module whose initialization was skipped is zero until it is loaded', async () => {
    const linear = skipInit(() => new Linear(2, 1));
    expect(await linear.weight.data()).toEqual(Float32Array.of(0, 0));
    linear.loadStateDict({ weight: tensor([[1, 2]]), bias: tensor([3]) });
    expect(await linear.forward(tensor([1, 1])).item()).toBe(6);
  });

  test('casting keeps the integers', () => {
    const block = new Block().to('f64');
    expect(block.bn1.running_mean?.dtype).toBe('f64');
    expect(block.bn1.num_batches_tracked?.dtype).toBe('i32');
    expect(block.conv1.weight.requiresGrad).toBe(true);
    expect(() => block.to('i32')).toThrow('Block.to: i32 is not a floating-point dtype');
  });
});

describe('modes', () => {
  test('train and eval reach every module below', () => {
    const model = new Model().eval();
    expect([...model.namedModules()].every(([, module]) => !module.training)).toBe(true);
    expect(model.train().blocks[1]?.bn1.training).toBe(true);
  });

  test('freezing takes all parameters, a path, a pattern or an expression', () => {
    const trainable = (model: Model) =>
      model
        .namedParameters()
        .filter(([, p]) => p.requiresGrad)
        .map(([name]) => name);
    expect(trainable(new Model().freeze())).toEqual([]);
    expect(trainable(new Model().freeze().unfreeze('blocks.0.bn1'))).toEqual([
      'blocks.0.bn1.weight',
      'blocks.0.bn1.bias',
    ]);
    expect(trainable(new Model().freeze('blocks.*.conv1.weight', 'scale'))).toHaveLength(8);
    expect(trainable(new Model().freeze(/bias$/))).toHaveLength(7);
    const frozen = new Model().freeze('blocks');
    expect(frozen.trainableParameters()).toEqual([frozen.scale]);
    expect(frozen.parameterCount({ trainableOnly: true })).toBe(1);
    expect(frozen.parameterCount()).toBe(1 + 2 * (4 * 27 + 8 + 6));
  });

  test('a pattern that matches nothing is an error with near names', () => {
    expect(() => new Model().freeze('block.*')).toThrow("no parameter matches 'block.*'; did you mean 'blocks'?");
    expect(() => new Model().freeze('*.wieght')).toThrow(
      "no parameter matches '*.wieght'; there are scale, blocks.*.conv1.weight, blocks.*.bn1.weight, ",
    );
    expect(() => new Model().freeze('block.0')).toThrow("no parameter matches 'block.0'; did you mean 'blocks.0'?");
    // A prefix means whole segments.
    expect(() => new Model().freeze('blocks.0.conv')).toThrow("did you mean 'blocks.0.conv1'?");
  });
});

test('a module moves to another backend, its parameters staying the same objects', async () => {
  registerReferenceBackends();
  const module = new Linear(2, 3);
  const before = module.parameters();
  const values = await module.weight.toArray();
  expect(await module.to('reference-kernels')).toBe(module);
  expect(module.parameters()).toEqual(before);
  expect(module.parameters().map(({ node }) => realizedStorage(node)?.backend.name)).toEqual(
    before.map(() => 'reference-kernels'),
  );
  expect(await module.weight.toArray()).toEqual(values);
});
