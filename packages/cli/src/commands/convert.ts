/** tessera convert: converts weights between the tensor names and file formats of different libraries. */
import { extname } from 'node:path';
import { type ActivationName, activations } from '@tessera/nn';
import { type FolderLibrary, folderLibraries } from '@tessera/train/model-card';
import { addAdapters, convertTensors, saveWeights, type WeightNames, weightNames } from '@tessera/weights';
import { fromCaller, toCaller } from '../lib/call.ts';
import { commandLine, UsageError } from '../lib/command.ts';
import { readSource, type Source } from '../lib/convert/source.ts';
import { writeFolder } from '../lib/convert/write-folder.ts';
import { writeOnnxFolder } from '../lib/convert/write-onnx.ts';

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
        choices: [...weightNames, 'onnx'],
        describe:
          "Library whose tensor names to write; for hugging-face, open-clip and timm, OUT is a folder that the library loads; onnx: the computation, for ONNX Runtime [default: the names of Tessera's modules]",
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
    .example('$0 runs/first my-clip --to onnx', 'image.onnx and text.onnx, for ONNX Runtime')
    .example(
      '$0 runs/first tuned.safetensors --adapters runs/second/adapters',
      'the weights of a run with the adapters of another',
    )
    .example('$0 weights.pth weights.safetensors --raw', 'any state_dict, unchanged')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

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

/** The folder of a library that OUT becomes; null: only weights, in a file or under the names of a library without folders. */
function folderLibraryOf({ to, out }: Options): FolderLibrary | null {
  if (to === 'onnx' && extname(out ?? '') !== '')
    throw new UsageError(`${out}: --to onnx writes several files; OUT must be a folder`);
  if (out?.endsWith('.safetensors')) return null;
  return folderLibraries.find((library) => library === to) ?? null;
}

/** The commands that made the model, for its card. Paths are as the user wrote them. */
const commandsOf = ({ in: from, out, to, adapters }: Options, { run }: Source): string[] => [
  ...(run === null ? [] : [`npm run train -- --config ${from}/config.yaml`]),
  `npm run convert -- ${from} ${out} --to ${to}${adapters === undefined ? '' : ` --adapters ${adapters}`}`,
];

export async function main(args: readonly string[]): Promise<undefined> {
  const options = await readOptions(args);
  if (options.raw) return convertRaw(options);
  const out = fromCaller(options.out as string);
  const { names, activation, to } = options;
  const source = await readSource(fromCaller(options.in as string), {
    ...(names === undefined ? {} : { names: names as WeightNames }),
    ...keyOf(options),
    ...(activation === undefined ? {} : { activation: activation as ActivationName }),
  });
  const { model, title, assumptions, notes, classNames } = source;
  console.log(`${title}: ${model.constructor.name} with ${model.parameterCount().toLocaleString('en')} parameters`);
  for (const note of notes) console.log(`  ${note}`);
  for (const assumption of assumptions) console.log(`  not specified by any file, assumed: ${assumption}`);
  if (options.adapters !== undefined) {
    const { adapted, replaced } = await addAdapters(model, fromCaller(options.adapters));
    const others = replaced.length === 0 ? '' : `, and took ${replaced.join(', ')} from there`;
    console.log(`added the adapters of ${adapted} weights in ${options.adapters}${others}`);
  }
  const library = folderLibraryOf(options);
  if (library !== null) {
    const commands = commandsOf(options, source);
    if (library === 'onnx' && options.maxShardSize !== undefined)
      throw new UsageError('--max-shard-size: an ONNX file of more than 2 GiB has its weights in one file next to it');
    const lines =
      library === 'onnx'
        ? await writeOnnxFolder(out, source, commands)
        : await writeFolder(out, library, source, shardSizeOf(options), commands);
    for (const line of lines) console.log(line);
    return;
  }
  const written = await saveWeights(model, out, {
    ...(to === undefined ? {} : { names: to as WeightNames }),
    classNames,
    ...shardSizeOf(options),
  });
  console.log(`written with the names of ${written.names}: ${written.files.map(toCaller).join(', ')}`);
}
