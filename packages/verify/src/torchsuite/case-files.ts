/** Cases that were exported from PyTorch's own tests: the format of their files, and reading them. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { parseSafetensors, type SafetensorsTensor } from '@tessera/tensor/safetensors';

/**
 * An argument as JSON holds it: a plain value, or an object with one of these keys. `t` names a tensor of the file, `l` is a list (with
 * `tuple` where Python had a tuple), `o` a dictionary, `d` a dtype, `f` a number that JSON lacks, `slice` and `ellipsis` parts of an
 * index; `opaque` means nothing here, such as a device.
 */
export type Encoded =
  | null
  | boolean
  | number
  | string
  | { readonly t: string }
  | { readonly l: readonly Encoded[]; readonly tuple?: number }
  | { readonly o: Readonly<Record<string, Encoded>> }
  | { readonly d: string }
  | { readonly f: string }
  | { readonly slice: readonly (number | null)[] }
  | { readonly ellipsis: number }
  | { readonly opaque: string };

/** One call of PyTorch: its arguments, and what came out. Tensors are given by name. */
export interface TorchCase {
  readonly id: string;
  /** The operation, as PyTorch's tests call it: the key of its adapter. */
  readonly op: string;
  /** The line of the table that counts the case. Default: `op`. */
  readonly tally?: string;
  readonly dtype: string;
  readonly args: readonly Encoded[];
  readonly kwargs?: Readonly<Record<string, Encoded>>;
  /** PyTorch refuses the call, with this message. The case then has no results. */
  readonly error?: string;
  readonly out?: readonly string[];
  /** The differentiated tensors. Their gradients are those of the sum over outputs of sum(output * cotangent). */
  readonly wrt?: readonly string[];
  readonly cot?: readonly (string | null)[];
  readonly grad?: readonly string[];
  /** The gradients of the sum over gradients of sum(gradient * v). */
  readonly grad2?: readonly string[];
  readonly v?: readonly (string | null)[];
  /** The results of the same call in double precision, rounded. */
  readonly alt?: { readonly out: readonly string[]; readonly grad?: readonly string[] };
  /** How results are compared, if not by their dtype: `statistics` are mean, deviation and bounds of random numbers. */
  readonly tol?: string;
}

/** The cases of one operation or group of layers. */
export interface Family {
  readonly name: string;
  readonly cases: readonly TorchCase[];
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** What a JSON file holds: one family, or several that share the tensors. */
interface FamilyFile {
  readonly family: string;
  readonly cases: readonly TorchCase[];
}

const decompress = promisify(brotliDecompress);

async function readFileOf(path: string): Promise<Uint8Array> {
  const bytes = await fs.readFile(path);
  return path.endsWith('.br') ? decompress(bytes) : bytes;
}

const ending = /\.json(\.br)?$/;

/**
 * The families of a folder, one after the other in the order of the files' names: NAME.json with NAME.safetensors, each of which may be
 * compressed (NAME.json.br, NAME.safetensors.br).
 *
 * @param only the families to read, by their file's or their own name
 * @throws Error if the folder has no case files
 */
export async function* readFamilies(directory: string, only?: RegExp): AsyncGenerator<Family> {
  const files = (await fs.readdir(directory)).filter((file) => ending.test(file)).sort();
  if (files.length === 0) throw new Error(`torchsuite: ${directory} has no case files NAME.json`);
  for (const file of files) {
    const name = file.replace(ending, '');
    const document = JSON.parse(Buffer.from(await readFileOf(join(directory, file))).toString()) as
      | FamilyFile
      | { readonly families: readonly FamilyFile[] };
    const families = 'families' in document ? document.families : [{ ...document, family: name }];
    const chosen = families.filter(({ family }) => only === undefined || only.test(family));
    if (chosen.length === 0) continue;
    const stored = await readFileOf(join(directory, file.replace('.json', '.safetensors')));
    const { tensors } = parseSafetensors(stored);
    for (const { family, cases } of chosen) yield { name: family, cases, tensors };
  }
}
