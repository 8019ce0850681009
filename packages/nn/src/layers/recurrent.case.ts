/** Check cases of the recurrent networks. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { GRU, LSTM, type RecurrentOptions, RNN } from './recurrent.ts';
import { GRUCell, LSTMCell, RNNCell } from './recurrent-cells.ts';

const options = (c: CaseConfig): RecurrentOptions => ({
  numLayers: c.number('num_layers', 1),
  bias: c.boolean('bias', true),
  batchFirst: c.boolean('batch_first', false),
  bidirectional: c.boolean('bidirectional', false),
});

const nonlinearities = ['tanh', 'relu'] as const;
const sizes = (c: CaseConfig): [number, number] => [c.number('input_size'), c.number('hidden_size')];
const both = "lambda m, *x: dict(zip(('out', 'h'), m(*x)))";

export default [
  layerCase({
    name: 'RNN',
    build: (c) =>
      new RNN(...sizes(c), { ...options(c), nonlinearity: c.choice('nonlinearity', nonlinearities, 'tanh') }),
    forward: (rnn, _, x, ...[h]) => {
      const [out, last] = rnn.forward(x, h);
      return { out, h: last };
    },
    torch: { build: 'nn.RNN', forward: both },
    cases: [
      {
        name: 'rnn-f64',
        config: { input_size: 3, hidden_size: 4, num_layers: 2 },
        inputs: { x: normal([3, 2, 3]), h: normal([2, 2, 4]) },
        outputs: ['out', 'h'],
      },
      {
        name: 'rnn-relu-backwards-f64',
        config: { input_size: 3, hidden_size: 4, nonlinearity: 'relu', bidirectional: true, bias: false },
        inputs: { x: normal([3, 2, 3]) },
        outputs: ['out', 'h'],
        only: 'torch',
      },
    ],
  }),
  layerCase({
    name: 'LSTM',
    build: (c) => new LSTM(...sizes(c), { ...options(c), projSize: c.number('proj_size', 0) }),
    forward: (lstm, _, x, ...[h, c]) => {
      const [out, [hidden, cell]] = lstm.forward(x, h === undefined || c === undefined ? undefined : [h, c]);
      return { out, h: hidden, c: cell };
    },
    torch: {
      build: 'nn.LSTM',
      forward:
        "lambda m, x, *s: (lambda out, state: {'out': out, 'h': state[0], 'c': state[1]})(*(m(x, s) if s else m(x)))",
    },
    cases: [
      {
        name: 'lstm-f64',
        config: { input_size: 3, hidden_size: 4, num_layers: 2, bidirectional: true, batch_first: true },
        inputs: { x: normal([2, 3, 3]), h: normal([4, 2, 4]), c: normal([4, 2, 4]) },
        outputs: ['out', 'h', 'c'],
      },
      {
        name: 'lstm-projected-f64',
        config: { input_size: 3, hidden_size: 4, proj_size: 2, num_layers: 2 },
        inputs: { x: normal([3, 2, 3]) },
        outputs: ['out', 'h', 'c'],
      },
    ],
  }),
  layerCase({
    name: 'GRU',
    build: (c) => new GRU(...sizes(c), options(c)),
    forward: (gru, _, x, ...[h]) => {
      const [out, last] = gru.forward(x, h);
      return { out, h: last };
    },
    torch: { build: 'nn.GRU', forward: both },
    cases: [
      {
        name: 'gru-f64',
        config: { input_size: 3, hidden_size: 4, num_layers: 2, bidirectional: true },
        inputs: { x: normal([3, 2, 3]), h: normal([4, 2, 4]) },
        outputs: ['out', 'h'],
      },
      {
        name: 'gru-unbatched-f64',
        config: { input_size: 3, hidden_size: 4, bias: false },
        inputs: { x: normal([4, 3]) },
        outputs: ['out', 'h'],
      },
    ],
  }),
  layerCase({
    name: 'RNNCell',
    build: (c) =>
      new RNNCell(...sizes(c), {
        bias: c.boolean('bias', true),
        nonlinearity: c.choice('nonlinearity', nonlinearities, 'tanh'),
      }),
    torch: 'nn.RNNCell',
    cases: [
      {
        name: 'rnncell-f64',
        config: { input_size: 3, hidden_size: 4 },
        inputs: { x: normal([2, 3]), h: normal([2, 4]) },
      },
    ],
  }),
  layerCase({
    name: 'LSTMCell',
    build: (c) => new LSTMCell(...sizes(c), { bias: c.boolean('bias', true) }),
    forward: (cell, _, x, h, c) => {
      const [hidden, memory] = cell.forward(x, [h, c] as [typeof x, typeof x]);
      return { h: hidden, c: memory };
    },
    torch: { build: 'nn.LSTMCell', forward: "lambda m, x, h, c: dict(zip(('h', 'c'), m(x, (h, c))))" },
    cases: [
      {
        name: 'lstmcell-f64',
        config: { input_size: 3, hidden_size: 4 },
        inputs: { x: normal([2, 3]), h: normal([2, 4]), c: normal([2, 4]) },
        outputs: ['h', 'c'],
      },
    ],
  }),
  layerCase({
    name: 'GRUCell',
    build: (c) => new GRUCell(...sizes(c), { bias: c.boolean('bias', true) }),
    torch: 'nn.GRUCell',
    cases: [
      {
        name: 'grucell-f64',
        config: { input_size: 3, hidden_size: 4, bias: false },
        inputs: { x: normal([2, 3]), h: normal([2, 4]) },
      },
    ],
  }),
];
