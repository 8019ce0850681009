/** The section `lora` of a configuration: adapters that are trained in place of a model's own weights. */
import { z } from 'zod';
import { count, share } from '../optim/settings.ts';

const patterns = z.array(z.string().min(1)).min(1).nullable().default(null);

export const loraSection = z
  .strictObject({
    rank: count.default(8).describe("rank of the adapters (peft's r)"),
    alpha: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("an adapter counts alpha / rank (peft's lora_alpha); null: the rank, so that it counts 1"),
    rankStabilized: z
      .boolean()
      .default(false)
      .describe("whether an adapter counts alpha / sqrt(rank) instead (rsLoRA; peft's use_rslora)"),
    dropout: share.lt(1).default(0).describe("chance that a number of an adapter's input is dropped in training"),
    targets: patterns.describe(
      'weights that are adapted: patterns of their names, such as c_fc, visual or *.in_proj_weight; null: all linear layers and projections of attention that are not in trainable',
    ),
    trainable: patterns.describe(
      "patterns of parameters that are trained themselves (peft's modules_to_save), such as *bias; null: the head that follows the image tower, where the task has one",
    ),
    save: z
      .enum(['merged', 'adapters'])
      .default('merged')
      .describe(
        "what is saved of the finished run: merged: model.safetensors, with the adapters added to the weights; adapters: only these, in the folder adapters, as peft's PeftModel reads them",
      ),
  })
  .nullable()
  .default(null)
  .describe('low-rank adapters (LoRA; Hu et al. 2022): only they are trained; null: the weights are');

/** Settings of adapters. */
export type LoraSettings = NonNullable<z.infer<typeof loraSection>>;
