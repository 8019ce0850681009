/** tessera convert: converts weights between the tensor names and file formats of different libraries. */
import { join, resolve } from 'node:path';
import { saveHuggingFaceTokenizer, type Tokenizer } from '@tessera/data';
import { CLIP } from '@tessera/models';
import { type ActivationName, activations, type Module } from '@tessera/nn';
import { findRun, loadRun, tokenizerBeside } from '@tessera/train';
import { addAdapters, convertTensors, loadWeights, saveWeights, type WeightNames, weightNames } from '@tessera/weights';
import { fromCaller, toCaller } from '../lib/call.ts';
import { commandLine, UsageError } from '../lib/command.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('convert', args)
    .command(
      '$0 <in> <out>',
      'Reads the weights of a model (CLIP of OpenAI, OpenCLIP or Hugging Face; ViT or DeiT of timm; ResNet of torchvision or timm; or a run) and writes them as safetensors. No code from a file is run.',
    )
    .positional('in', {
      type: 'string',
      demandOption: true,
      describe: 'A .safetensors, .pt, .pth or .bin file, a folder that contains one, or a run',
    })
    .positional('out', {
      type: 'string',
      demandOption: true,
      describe: 'A .safetensors file, or a folder for the weights and their configuration file',
    })
    .options({
      to: {
        type: 'string',
        choices: weightNames,
        describe: "Library whose tensor names to write [default: the names of Tessera's modules]",
      },
      names: {
        type: 'string',
        choices: weightNames,
        describe: 'Library whose tensor names IN has [default: recognized by the names]',
      },
      adapters: {
        type: 'string',
        describe:
          'Folder with low-rank adapters (adapter_model.safetensors and adapter_config.json, of a run or of peft) to add to the weights',
      },
      raw: {
        type: 'boolean',
        default: false,
        describe: 'Copy the tensors of a file of any model, with unchanged names and precision',
      },
      'weights-key': {
        type: 'string',
        alias: 'key',
        describe:
          "Part of the file to read: a key of a checkpoint (model_ema), or the start of the tensors' names (module.encoder_q) [default: the usual keys]",
      },
      'max-shard-size': {
        type: 'string',
        describe: 'Largest size of a file, such as 5GB; a larger model becomes several [default: 5GB for a folder]',
      },
      activation: {
        type: 'string',
        choices: Object.keys(activations),
        describe: "CLIP's activation, if no file specifies it [default: quickgelu; for OpenCLIP gelu]",
      },
    })
    .example('$0 ViT-B-32.pt clip.safetensors', "OpenAI's archive to safetensors")
    .example('$0 open_clip_pytorch_model.bin my-clip --to hugging-face', 'for CLIPModel.from_pretrained')
    .example('$0 runs/first my-clip --to open-clip', 'a model trained here, for OpenCLIP')
    .example(
      '$0 runs/first tuned.safetensors --adapters runs/second/adapters',
      'the weights of a run with the adapters of another',
    )
    .example('$0 weights.pth weights.safetensors --raw', 'any state_dict, unchanged')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

interface Source {
  readonly model: Module;
  readonly title: string;
  readonly assumptions: readonly string[];
  readonly notes: readonly string[];
  /** The tokenizer of a run, or of the files in the folder. */
  readonly text?: { readonly tokenizer: Tokenizer; readonly contextLength: number };
}

const keyOf = ({ weightsKey }: Options): { key?: string } => (weightsKey === undefined ? {} : { key: weightsKey });

const units: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** The largest size of a file in bytes; sizes are written as in Hugging Face's libraries. */
function shardSizeOf({ maxShardSize: text }: Options): { maxShardSize?: number } {
  if (text === undefined) return {};
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units[unit.toUpperCase()];
  if (number === undefined || factor === undefined || !(Number(number) * factor >= 1))
    throw new UsageError(`--max-shard-size ${text}: expected a size in bytes, or with KB, MB or GB, such as 5GB`);
  return { maxShardSize: Number(number) * factor };
}

const writesTokenizer = ({ to, out }: Options): boolean => to === 'hugging-face' && !out?.endsWith('.safetensors');

async function read(options: Options): Promise<Source> {
  const { in: path, names, activation } = options;
  const from = fromCaller(path as string);
  if ((await findRun(from)) !== null) {
    const { subject, checkpoint } = await loadRun(from);
    const title = `the run's checkpoint ${toCaller(checkpoint.path)}`;
    const { model, text } = subject;
    return { model, title, assumptions: [], notes: [], ...(text === undefined ? {} : { text }) };
  }
  const loaded = await loadWeights(from, {
    ...(names === undefined ? {} : { names: names as WeightNames }),
    ...keyOf(options),
    ...(activation === undefined ? {} : { activation: activation as ActivationName }),
  });
  // Only a folder of Hugging Face's gets a tokenizer.
  if (!(loaded.model instanceof CLIP) || !writesTokenizer(options)) return loaded;
  const { vocabularySize, contextLength } = loaded.model.text;
  const tokenizer = await tokenizerBeside(from, vocabularySize);
  return tokenizer === null ? loaded : { ...loaded, text: { tokenizer, contextLength } };
}

/** Copies the tensors without looking at the model. */
async function convertRaw(options: Options): Promise<undefined> {
  const { in: from, out, to, names, activation } = options;
  if (to !== undefined || names !== undefined || activation !== undefined)
    throw new UsageError('--raw does not change names; leave out --to, --names and --activation');
  if (options.adapters !== undefined) throw new UsageError('--raw does not know the model; leave out --adapters');
  const path = fromCaller(out as string);
  if (!path.endsWith('.safetensors')) throw new UsageError('--raw writes a single file; OUT must end in .safetensors');
  const written = await convertTensors(fromCaller(from as string), path, {
    ...keyOf(options),
    ...shardSizeOf(options),
  });
  for (const note of written.notes) console.log(`  ${note}`);
  const { tensors, numbers, files } = written;
  console.log(`${files.map(toCaller).join(', ')}: ${tensors} tensors, ${numbers.toLocaleString('en')} elements`);
}

/** Hugging Face's file of a tokenizer has the name of Tessera's, which a run needs. */
async function refuseRunFolder(out: string): Promise<void> {
  const run = await findRun(out);
  if (run !== null && resolve(run.tokenizer) === resolve(join(out, 'tokenizer.json')))
    throw new UsageError(
      `${toCaller(out)} is a run's folder, whose tokenizer.json would be replaced: choose another OUT`,
    );
}

export async function main(args: readonly string[]): Promise<undefined> {
  const options = await readOptions(args);
  if (options.raw) return convertRaw(options);
  const out = fromCaller(options.out as string);
  const { model, title, assumptions, notes, text } = await read(options);
  const tokenizerHalf = writesTokenizer(options) ? text : undefined;
  if (tokenizerHalf !== undefined) await refuseRunFolder(out);
  console.log(`${title}: ${model.constructor.name} with ${model.parameterCount().toLocaleString('en')} parameters`);
  for (const note of notes) console.log(`  ${note}`);
  for (const assumption of assumptions) console.log(`  not specified by any file, assumed: ${assumption}`);
  if (options.adapters !== undefined) {
    const { adapted, replaced } = await addAdapters(model, fromCaller(options.adapters));
    const others = replaced.length === 0 ? '' : `, and took ${replaced.join(', ')} from there`;
    console.log(`added the adapters of ${adapted} weights in ${options.adapters}${others}`);
  }
  const { names, files } = await saveWeights(model, out, {
    ...(options.to === undefined ? {} : { names: options.to as WeightNames }),
    ...shardSizeOf(options),
  });
  console.log(`written with the names of ${names}: ${files.map(toCaller).join(', ')}`);
  if (tokenizerHalf === undefined) return;
  const { tokenizer, contextLength } = tokenizerHalf;
  const tokenizerFiles = await saveHuggingFaceTokenizer(out, tokenizer, contextLength);
  console.log(`tokenizer for CLIPTokenizer: ${tokenizerFiles.map(toCaller).join(', ')}`);
}
