/** Trains the model of model.ts with a loop of your own: `npm run train:own`. */
import { grad } from '@tessera/autograd';
import { DataLoader, openDataset, trainBpe, usualColumns } from '@tessera/data';
import { preprocess } from '@tessera/models';
import { contrastiveLoss } from '@tessera/nn';
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, noDecay, warmupCosine } from '@tessera/train';
import { writeTensors } from '@tessera/weights';
import { DualEncoder } from './model.ts';

const epochs = Number(process.argv[2] ?? 10);
const batchSize = 32;
const imageSize = 64;
const contextLength = 24;

registerReferenceBackends();
setDefaultBackend('wasm');

using dataset = await openDataset('data/images');
const split = dataset.split('train');
const captions = (await split.column('captions')).flat() as string[];
const tokenizer = trainBpe(captions, { vocabSize: 3000 });

const model = new DualEncoder(tokenizer.vocabSize);
const parameters = model.parameters();
const optimizer = new AdamW(model.namedParameters(), { weightDecay: 0.05, groups: [noDecay] });

// Recorded once, and run as one program from then on.
const step = compile((pixels: Tensor, tokens: Tensor, lr: Tensor) => {
  const loss = contrastiveLoss(model.forward(preprocess(pixels), tokens));
  optimizer.step(grad(loss, parameters), lr);
  return loss;
});

const { image, captions: texts } = usualColumns;
await using loader = new DataLoader(split, {
  columns: { image, captions: texts },
  batchSize,
  imageSize,
  shuffle: true,
});
const totalSteps = epochs * loader.length;
const schedule = warmupCosine({ lr: 3e-3, warmupSteps: Math.ceil(totalSteps / 10), totalSteps });

let done = 0;
for (let epoch = 0; epoch < epochs; epoch++) {
  let loss = 0;
  for await (const { columns } of loader.epoch(epoch)) {
    const pixels = tensor(columns.image, { shape: [batchSize, imageSize, imageSize, 3] });
    const picked = columns.captions.flatMap((row) => row.picked);
    const ids = tokenizer.encodeBatch(picked, contextLength, { onTooLong: 'truncate' });
    const tokens = tensor(ids, { shape: [batchSize, contextLength] });
    loss = await (await step(pixels, tokens, tensor(schedule(done++)))).item();
  }
  console.log(`epoch ${epoch + 1} of ${epochs}: loss ${loss.toFixed(3)}`);
}
await writeTensors('own-model.safetensors', model.stateDict());
console.log('wrote own-model.safetensors');
