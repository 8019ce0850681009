/** Trains the model of model.ts with a loop of your own: `npm run train:own`. */
import { grad } from '@tessera/autograd';
import { DataLoader, openDataset, usualColumns } from '@tessera/data';
import { preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, noDecay, warmupCosine } from '@tessera/train';
import { writeTensors } from '@tessera/weights';
import { Classifier } from './model.ts';

const epochs = Number(process.argv[2] ?? 10);
const batchSize = 32;
const imageSize = 64;

registerReferenceBackends();
setDefaultBackend('wasm');

using dataset = await openDataset('data/images');
const split = dataset.split('train');
const feature = split.features.label;
if (feature?.type !== 'class') throw new Error('data/images: there is no folder for each class');

const model = new Classifier(feature.names.length);
const parameters = model.parameters();
const optimizer = new AdamW(model.namedParameters(), { weightDecay: 0.05, groups: [noDecay] });

// Recorded once, and run as one program from then on.
const step = compile((pixels: Tensor, labels: Tensor, lr: Tensor) => {
  const loss = crossEntropy(model.forward(preprocess(pixels)), labels);
  optimizer.step(grad(loss, parameters), lr);
  return loss;
});

const { image, label } = usualColumns;
await using loader = new DataLoader(split, { columns: { image, label }, batchSize, imageSize, shuffle: true });
const totalSteps = epochs * loader.length;
const schedule = warmupCosine({ lr: 3e-3, warmupSteps: Math.ceil(totalSteps / 10), totalSteps });

let done = 0;
for (let epoch = 0; epoch < epochs; epoch++) {
  let loss = 0;
  for await (const { columns } of loader.epoch(epoch)) {
    const pixels = tensor(columns.image, { shape: [batchSize, imageSize, imageSize, 3] });
    const labels = tensor(Int32Array.from(columns.label));
    loss = await (await step(pixels, labels, tensor(schedule(done++)))).item();
  }
  console.log(`epoch ${epoch + 1} of ${epochs}: loss ${loss.toFixed(3)}`);
}
await writeTensors('own-model.safetensors', model.stateDict());
console.log('wrote own-model.safetensors');
