/**
 * The process of the benchmark start, `start-child.ts PRESET BATCH MOMENT`: creates a model, runs a training step, and prints the time of
 * each part as JSON. MOMENT is the time at which the process was started, in ms since 1970.
 */
import { grad } from '@tessera/autograd';
import { CLIP, type PresetName, presets } from '@tessera/models';
import { contrastiveLoss } from '@tessera/nn';
import { compile, disposeBackends, manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, clipGradNorm, noDecay } from '@tessera/train';
import { captions, values } from '../values.ts';
import type { StartSample } from './start.ts';

const now = (): number => performance.timeOrigin + performance.now();
const loaded = now();

const [preset, batch, started] = [process.argv[2] as PresetName, Number(process.argv[3]), Number(process.argv[4])];
const { vision, text } = presets[preset];
manualSeed(0);
const model = new CLIP(presets[preset]);
const optimizer = new AdamW(model.namedParameters(), { weightDecay: 0.2, groups: [noDecay] });
const modelMade = now();
const images = tensor(values(batch * 3 * vision.imageSize ** 2, 1), {
  shape: [batch, 3, vision.imageSize, vision.imageSize],
});
const tokens = tensor(captions(batch, text.contextLength, text.vocabularySize), { shape: [batch, text.contextLength] });
const rate = tensor(5e-4);
const step = compile((images: Tensor, tokens: Tensor, rate: Tensor): Tensor => {
  const loss = contrastiveLoss(model.forward(images, tokens));
  optimizer.step(clipGradNorm(grad(loss, optimizer.parameters), 1).gradients, rate);
  model.clampLogitScale();
  return loss;
});
const batchMade = now();
const { times } = await step.program(images, tokens, rate);
const compiled = now();
const loss = await (await step(images, tokens, rate)).item();
const end = now();
const cpu = process.cpuUsage();
const again = now();
await (await step(images, tokens, rate)).item();

const sample: StartSample = {
  preset,
  loss,
  parameters: model.parameterCount(),
  milliseconds: {
    loading: loaded - started,
    model: modelMade - loaded,
    batch: batchMade - modelMade,
    ...times,
    other: compiled - batchMade - Object.values(times).reduce((sum, time) => sum + time, 0),
    firstStep: end - compiled,
  },
  totalMs: end - started,
  cpuMs: (cpu.user + cpu.system) / 1000,
  secondStepMs: now() - again,
};
console.log(JSON.stringify(sample));
await disposeBackends();
