/** npm run convert: converts weights between the tensor names and file formats of different libraries. */
import { type ActivationName, activations, type Module } from '@tessera/nn';
import { findRun, loadRun } from '@tessera/train';
import { convertTorchFile, loadWeights, saveWeights, type WeightNames, weightNames } from '@tessera/weights';
import { commandLine, fromCaller, runCommand, toCaller, UsageError } from './lib/command.ts';

const readOptions = () =>
  commandLine('convert')
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
      raw: {
        type: 'boolean',
        default: false,
        describe: 'Copy the tensors of a PyTorch file of any model, with unchanged names and precision',
      },
      key: { type: 'string', describe: 'Key of the state_dict in a PyTorch checkpoint [default: the usual keys]' },
      activation: {
        type: 'string',
        choices: Object.keys(activations),
        describe: "CLIP's activation, if no file specifies it [default: quickgelu; for OpenCLIP gelu]",
      },
    })
    .example('$0 ViT-B-32.pt clip.safetensors', "OpenAI's archive to safetensors")
    .example('$0 open_clip_pytorch_model.bin my-clip --to hugging-face', 'for CLIPModel.from_pretrained')
    .example('$0 runs/first my-clip --to open-clip', 'a model trained here, for OpenCLIP')
    .example('$0 weights.pth weights.safetensors --raw', 'any state_dict, unchanged')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

interface Source {
  readonly model: Module;
  readonly title: string;
  readonly assumptions: readonly string[];
}

async function read({ in: path, names, key, activation }: Options): Promise<Source> {
  const from = fromCaller(path as string);
  if ((await findRun(from)) !== null) {
    const { subject, checkpoint } = await loadRun(from);
    return { model: subject.model, title: `the run's checkpoint ${toCaller(checkpoint.path)}`, assumptions: [] };
  }
  return loadWeights(from, {
    ...(names === undefined ? {} : { names: names as WeightNames }),
    ...(key === undefined ? {} : { key }),
    ...(activation === undefined ? {} : { activation: activation as ActivationName }),
  });
}

/** Copies the tensors without looking at the model. */
async function convertRaw({ in: from, out, key, to, names, activation }: Options): Promise<undefined> {
  if (to !== undefined || names !== undefined || activation !== undefined)
    throw new UsageError('--raw does not change names; leave out --to, --names and --activation');
  const path = fromCaller(out as string);
  if (!path.endsWith('.safetensors')) throw new UsageError('--raw writes a single file; OUT must end in .safetensors');
  const { tensors, numbers } = await convertTorchFile(
    fromCaller(from as string),
    path,
    key === undefined ? {} : { key },
  );
  console.log(`${toCaller(path)}: ${tensors} tensors, ${numbers.toLocaleString('en')} elements`);
}

async function main(): Promise<undefined> {
  const options = await readOptions();
  if (options.raw) return convertRaw(options);
  const { model, title, assumptions } = await read(options);
  console.log(`${title}: ${model.constructor.name} with ${model.parameterCount().toLocaleString('en')} parameters`);
  for (const assumption of assumptions) console.log(`  not specified by any file, assumed: ${assumption}`);
  const { names, files } = await saveWeights(
    model,
    fromCaller(options.out as string),
    options.to === undefined ? {} : { names: options.to as WeightNames },
  );
  console.log(`written with the names of ${names}: ${files.map(toCaller).join(', ')}`);
}

await runCommand(main);
