/** Recurrent networks: their state, their layouts, and their cells. The numbers are held against PyTorch by the check cases. */
import { compile, type Tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import { GRU, LSTM, RNN } from './recurrent.ts';
import { GRUCell, LSTMCell, RNNCell } from './recurrent-cells.ts';

const near = async (a: Tensor, b: Tensor): Promise<void> => {
  expect(a.shape).toEqual(b.shape);
  expect(distance(await a.data(), await b.data())).toBeLessThan(1e-5);
};

describe.each(testedBackends)('recurrent networks on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('a layer is its cell, step by step', async () => {
    const x = numbered([3, 2, 4], 1).mul(0.3);
    const [lstm, cell] = [new LSTM(4, 5), new LSTMCell(4, 5)];
    cell.loadStateDict(
      new Map([...lstm.stateDict()].map(([name, value]): [string, Tensor] => [name.replace('_l0', ''), value])),
    );
    let state: [Tensor, Tensor] | undefined;
    for (let t = 0; t < 3; t++) state = cell.forward(x.select(0, t), state);
    const [output, [h, c]] = lstm.forward(x);
    await near(h.select(0, 0), state?.[0] ?? h);
    await near(c.select(0, 0), state?.[1] ?? c);
    await near(output.select(0, 2), h.select(0, 0));
  });

  test('the second direction reads backwards', async () => {
    const x = numbered([4, 2, 3], 1).mul(0.3);
    const gru = new GRU(3, 2, { bidirectional: true });
    const forward = new GRU(3, 2);
    forward.loadStateDict(
      new Map(
        [...gru.stateDict()].flatMap(([name, value]): [string, Tensor][] =>
          name.endsWith('_reverse') ? [[name.replace('_reverse', ''), value]] : [],
        ),
      ),
    );
    const [output] = gru.forward(x);
    const [reversed] = forward.forward(x.flip(0));
    await near(output.slice(2, 2), reversed.flip(0));
  });

  test('layouts: batch first, and without the batch axis', async () => {
    const x = numbered([3, 2, 4], 1).mul(0.3);
    const rnn = new RNN(4, 3, { numLayers: 2 });
    const first = new RNN(4, 3, { numLayers: 2, batchFirst: true });
    first.loadStateDict(rnn.stateDict());
    const [output, hidden] = rnn.forward(x);
    const [swapped, sameHidden] = first.forward(x.transpose(0, 1));
    await near(swapped, output.transpose(0, 1));
    await near(sameHidden, hidden);
    const [single, singleHidden] = rnn.forward(x.select(1, 1), hidden.select(1, 1).mul(0));
    await near(single, output.select(1, 1));
    await near(singleHidden, hidden.select(1, 1));
  });
});

describe('recurrent networks', () => {
  beforeAll(() => useBackend('wasm'));

  test('the names of the state are those of PyTorch', () => {
    const lstm = new LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 });
    const shapes = new Map([...lstm.stateDict()].map(([name, value]) => [name, value.shape]));
    expect([...shapes.keys()].slice(0, 10)).toEqual([
      'weight_ih_l0',
      'weight_hh_l0',
      'bias_ih_l0',
      'bias_hh_l0',
      'weight_hr_l0',
      'weight_ih_l0_reverse',
      'weight_hh_l0_reverse',
      'bias_ih_l0_reverse',
      'bias_hh_l0_reverse',
      'weight_hr_l0_reverse',
    ]);
    expect(shapes.get('weight_ih_l1_reverse')).toEqual([16, 4]);
    expect(shapes.get('weight_hh_l1')).toEqual([16, 2]);
    expect(shapes.get('weight_hr_l1')).toEqual([2, 4]);
    expect([...new GRU(3, 4, { bias: false }).stateDict().keys()]).toEqual(['weight_ih_l0', 'weight_hh_l0']);
    expect([...new RNNCell(3, 4).stateDict().keys()]).toEqual(['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']);
  });

  test('all parameters start within 1 / sqrt(hiddenSize)', async () => {
    for (const parameter of new LSTM(30, 25).parameters()) {
      const largest = Math.max(...(await parameter.data()).map(Math.abs));
      expect(largest).toBeLessThanOrEqual(0.2 + 1e-7);
      expect(largest).toBeGreaterThan(0.18);
    }
  });

  test('dropout is between layers, in training only', async () => {
    const x = numbered([3, 2, 4], 1);
    const gru = new GRU(4, 3, { numLayers: 2, dropout: 1 });
    const single = new GRU(4, 3, { dropout: 1 });
    const [, hidden] = gru.forward(x);
    // The second layer sees zeros.
    const [, ofZeros] = gru.eval().forward(x.mul(0));
    expect(distance(await hidden.select(0, 1).data(), await ofZeros.select(0, 1).data())).toBeGreaterThan(0);
    expect(distance(await single.forward(x)[0].data(), await single.eval().forward(x)[0].data())).toBe(0);
  });

  test('a compiled step returns what the layer returns', async () => {
    const lstm = new LSTM(4, 3, { numLayers: 2 });
    const x = numbered([5, 2, 4], 1).mul(0.2);
    const step = compile((input: Tensor) => lstm.forward(input)[0]);
    await near((await step(x)) as Tensor, lstm.forward(x)[0]);
    step.dispose();
  });

  test('what does not fit is refused', () => {
    expect(() => new LSTM(0, 4)).toThrow('LSTM: inputSize must be a whole number of at least 1, got 0');
    expect(() => new GRU(3, 4, { numLayers: 0 })).toThrow('GRU: numLayers must be a whole number of at least 1');
    expect(() => new RNN(3, 4, { dropout: 2 })).toThrow('RNN: the probability of dropout must be in [0, 1], got 2');
    expect(() => new RNN(3, 4, { nonlinearity: 'gelu' as 'relu' })).toThrow(
      "RNN: the nonlinearity must be tanh or relu, got 'gelu'",
    );
    expect(() => new LSTM(3, 4, { projSize: 4 })).toThrow('LSTM: projSize must be a whole number from 0');
    const lstm = new LSTM(3, 4);
    expect(() => lstm.forward(zeros([5, 2, 4]))).toThrow(
      'LSTM: needs sequences [L, N, 3] or [L, 3], got a tensor of shape [5, 2, 4]',
    );
    expect(() => lstm.forward(zeros([0, 2, 3]))).toThrow('LSTM: needs sequences of at least one step');
    expect(() => lstm.forward(zeros([5, 2, 3]), [zeros([1, 2, 4]), zeros([1, 2, 3])])).toThrow(
      'LSTM: the state has shape [1, 2, 3], [1, 2, 4] is expected',
    );
    expect(() => lstm.forward(zeros([5, 2, 3], { dtype: 'f64' }))).toThrow('LSTM: the input is f64');
    expect(() => new GRUCell(3, 4).forward(zeros([2, 4]))).toThrow('GRUCell: needs inputs [N, 3] or [3]');
    expect(() => new GRUCell(3, 4).forward(zeros([2, 3]), zeros([4]))).toThrow(
      'GRUCell: the state has shape [4], [2, 4] is expected',
    );
  });
});
