/** The benchmark clip-step: a training step of CLIP. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIP, type CLIPConfig, defaultHeads, defaultPoolHeads, type PresetName, presets } from '@tessera/models';
import { manualSeed, tensor, tidy } from '@tessera/tensor';
import { writeTensors } from '@tessera/weights';
import type { KernelGroup } from '../measure/profile.ts';
import { summarizeTrace, type TraceSummary, traceEvents } from '../measure/trace.ts';
import { measureWork, type Row, type Session } from '../session.ts';
import { captions, values } from '../values.ts';
import { type ClipStepWork, labelOf } from '../work.ts';

/** Models for the CPU of one computer, the smallest first. */
export const stepPresets = ['vit-tiny-64', 'vit-small-64', 'rn-small-64'] as const satisfies readonly PresetName[];

export interface ClipStepRow extends Row {
  readonly parameters: number;
  readonly imagesPerSecond: number;
  /** The kernels by their time on one thread, the slowest first, if requested. */
  readonly profile: readonly KernelGroup[] | null;
  /** The timeline of one step on all threads, if requested. */
  readonly trace: TraceSummary | null;
}

export interface ClipStepOptions {
  readonly preset: PresetName;
  readonly batch: number;
  readonly profile: boolean;
  /** The file for the timeline of one step; null: none. */
  readonly traceFile: string | null;
}

/** Times a training step on a fixed batch. All libraries start from the same parameters. */
export async function measureClipStep(
  session: Session,
  { preset, batch, profile: profiling, traceFile }: ClipStepOptions,
): Promise<ClipStepRow> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const { work, parameters } = await prepareStep(preset, presets[preset], batch, folder);
    let profile: readonly KernelGroup[] | null = null;
    let trace: TraceSummary | null = null;
    const row = await measureWork(session, work, async (own) => {
      if (profiling) profile = await own.profile();
      if (traceFile === null) return;
      const spans = await own.trace();
      if (spans === null) throw new Error('--trace: this backend does not record timelines');
      trace = summarizeTrace(spans);
      await writeFile(traceFile, JSON.stringify({ traceEvents: traceEvents(labelOf(work), own.program, spans) }));
      session.say(`  timeline of one step: ${traceFile} (open it in https://ui.perfetto.dev or chrome://tracing)`);
    });
    return { ...row, parameters, imagesPerSecond: (1000 * batch) / row.ours.medianMs, profile, trace };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The configuration with explicit numbers of heads, so that peers do not need the rule for their default. */
function withHeads(config: CLIPConfig): CLIPConfig {
  const { vision, text } = config;
  const heads = vision.kind === 'vit' ? defaultHeads(vision) : defaultPoolHeads(vision);
  return { ...config, vision: { ...vision, heads }, text: { ...text, heads: defaultHeads(text) } };
}

/** Writes the model and the batch from which all libraries start into `folder`. */
export function prepareStep(preset: string, model: CLIPConfig, batch: number, folder: string) {
  return tidy(async (): Promise<{ work: ClipStepWork; parameters: number }> => {
    const config = withHeads(model);
    const [modelFile, batchFile] = [join(folder, 'model.safetensors'), join(folder, 'batch.safetensors')];
    manualSeed(0);
    const clip = new CLIP(config);
    await writeTensors(modelFile, clip.stateDict());
    const { imageSize } = config.vision;
    const { contextLength, vocabularySize } = config.text;
    const images = tensor(values(batch * 3 * imageSize ** 2, 1), { shape: [batch, 3, imageSize, imageSize] });
    const tokens = tensor(captions(batch, contextLength, vocabularySize), { shape: [batch, contextLength] });
    await writeTensors(
      batchFile,
      new Map([
        ['images', images],
        ['tokens', tokens],
      ]),
    );
    const optimizer = { lr: 5e-4, weightDecay: 0.2, betas: [0.9, 0.98], eps: 1e-6, clipGradNorm: 1 } as const;
    return {
      work: { kind: 'clip-step', preset, config, batch, optimizer, modelFile, batchFile },
      parameters: clip.parameterCount(),
    };
  });
}
