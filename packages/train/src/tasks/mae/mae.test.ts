import { testTask } from '../../testing/task-suite.ts';

testTask({
  preset: 'mae',
  set: [
    'model={imageSize: 16, width: 16, layers: 1, heads: 2, decoder: {width: 8, layers: 1, heads: 2}}',
    'optimizer.lr=1e-2',
    'training.epochs=10',
  ],
});
