/** The process of the benchmark memory, `memory-child.ts MODE STEPS...`: trains a tiny model and prints its resident size after STEPS, as JSON. */
import { grad } from '@tessera/autograd';
import { CLIP, type CLIPConfig } from '@tessera/models';
import { contrastiveLoss } from '@tessera/nn';
import { compile, disposeBackends, getBackend, manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, clipGradNorm } from '@tessera/train';
import { median } from '../measure/statistics.ts';
import { integers, values } from '../values.ts';
import type { MemoryMode, MemorySample } from './memory.ts';

const config: CLIPConfig = {
  embedDim: 32,
  vision: { kind: 'vit', imageSize: 32, patchSize: 8, width: 32, layers: 2, heads: 2 },
  text: { contextLength: 8, vocabularySize: 256, width: 32, layers: 2, heads: 2 },
};
const batch = 16;
/** The resident size fluctuates, so its median over this many steps is reported. */
const window = 20;

const mode = process.argv[2] as MemoryMode;
const moments = process.argv.slice(3).map(Number);
manualSeed(0);
const model = new CLIP(config);
const optimizer = new AdamW(model.namedParameters());
const train = (images: Tensor, tokens: Tensor, rate: Tensor): Tensor => {
  const loss = contrastiveLoss(model.forward(images, tokens));
  optimizer.step(clipGradNorm(grad(loss, optimizer.parameters), 1).gradients, rate);
  return loss;
};
const compiled = compile(train);

const samples: MemorySample[] = [];
let resident: number[] = [];
for (let step = 1; step <= Math.max(...moments); step++) {
  // Every step has new data, as in training.
  const images = tensor(values(batch * 3 * 32 ** 2, step), { shape: [batch, 3, 32, 32] });
  const tokens = tensor(integers(batch * 8, step, 256), { shape: [batch, 8] });
  const rate = tensor(1e-3);
  const loss = mode === 'compiled' ? await compiled(images, tokens, rate) : train(images, tokens, rate);
  await loss.item();
  resident = [...resident.slice(1 - window), process.memoryUsage.rss()];
  if (!moments.includes(step)) continue;
  const { used, reserved } = getBackend().memory();
  samples.push({ step, residentBytes: median(resident), tensorBytes: used, reservedBytes: reserved });
}
console.log(JSON.stringify(samples));
await disposeBackends();
