import { testTask } from '../../testing/task-suite.ts';

testTask({
  preset: 'segment',
  set: [
    'model={imageSize: 16, width: 16, layers: 2, heads: 2, features: [0, -1]}',
    'data.background=240',
    'optimizer.lr=1e-2',
    'training.epochs=6',
  ],
});
