import { testTask } from '../../testing/task-suite.ts';

testTask({
  preset: 'navit',
  set: [
    'data={imageSize: 16, sizes: [[8, 8], [16, 12], [12, 20]]}',
    'model={width: 16, layers: 1, heads: 2, maxTokens: 16, sequenceLength: 24}',
    'optimizer.lr=1e-2',
    'mixup={mixupAlpha: 0.2, offEpoch: 2}',
    'training.epochs=15',
  ],
  dependsOnPlace: true,
  notSeparable: 'NaViTObjective',
});
