/** Chooses a small set of cases that covers what a large one covers, and writes it compressed. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { type SafetensorsTensor, serializeSafetensors } from '@tessera/tensor/safetensors';
import { type Encoded, type Family, readFamilies, type TorchCase } from './case-files.ts';

/** What a case has in common with others that are called in the same way. */
function formOf(torchCase: TorchCase, tensors: Family['tensors']): string {
  const { op, tally = '', dtype, args, kwargs = {}, error } = torchCase;
  return JSON.stringify([op, tally, dtype, error !== undefined, args.map(form), mapValues(kwargs, form)]);

  function form(value: Encoded): unknown {
    if (typeof value === 'number') return value < 0 ? -1 : Number.isInteger(value) ? Math.min(value, 1) : 0.5;
    if (value === null || typeof value !== 'object') return value;
    if ('l' in value) return value.l.slice(0, 6).map(form);
    if ('o' in value) return mapValues(value.o, form);
    return 't' in value ? layoutOf(tensors.get(value.t)) : value;
  }
}

const mapValues = (values: Readonly<Record<string, Encoded>>, map: (value: Encoded) => unknown): object =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));

/** dtype, number of axes, and whether there are elements. */
const layoutOf = (tensor: SafetensorsTensor | undefined): string =>
  tensor === undefined ? '' : `${tensor.dtype} ${tensor.shape.length}${tensor.shape.includes(0) ? ' empty' : ''}`;

/** All tensors of a case. */
function namesIn({ args, kwargs = {}, out = [], cot = [], grad = [], grad2 = [], v = [], alt }: TorchCase): string[] {
  const inValue = (value: Encoded): string[] => {
    if (value === null || typeof value !== 'object') return [];
    if ('t' in value) return [value.t];
    if ('l' in value) return value.l.flatMap(inValue);
    return 'o' in value ? Object.values(value.o).flatMap(inValue) : [];
  };
  const results = [...out, ...cot, ...grad, ...grad2, ...v, ...(alt?.out ?? []), ...(alt?.grad ?? [])];
  return [
    ...args.flatMap(inValue),
    ...Object.values(kwargs).flatMap(inValue),
    ...results.filter((name) => name !== null),
  ];
}

const bytesOf = (torchCase: TorchCase, tensors: Family['tensors']): number =>
  namesIn(torchCase).reduce((total, name) => total + (tensors.get(name)?.data.byteLength ?? 0), 0);

/**
 * The smallest case of every form. Of forms whose smallest case has more than `limit` bytes, only those are kept whose operation and dtype
 * have no smaller case.
 */
export function chooseCases(cases: readonly TorchCase[], tensors: Family['tensors'], limit: number): TorchCase[] {
  const smallest = new Map<string, { torchCase: TorchCase; bytes: number }>();
  for (const torchCase of cases) {
    const form = formOf(torchCase, tensors);
    const bytes = bytesOf(torchCase, tensors);
    if (bytes < (smallest.get(form)?.bytes ?? Number.POSITIVE_INFINITY)) smallest.set(form, { torchCase, bytes });
  }
  const bySize = [...smallest.values()].sort((a, b) => a.bytes - b.bytes);
  const covered = new Set<string>();
  const chosen = new Set<TorchCase>();
  for (const { torchCase, bytes } of bySize) {
    const key = `${torchCase.op} ${torchCase.dtype}`;
    if (bytes > limit && covered.has(key)) continue;
    covered.add(key);
    chosen.add(torchCase);
  }
  return cases.filter((torchCase) => chosen.has(torchCase));
}

const compress = promisify(brotliCompress);

async function writeCompressed(file: string, bytes: Uint8Array): Promise<number> {
  const packed = await compress(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
  await fs.writeFile(`${file}.br`, packed);
  return packed.length;
}

/** Writes the chosen cases of all families of `directory` as `cases.json.br` and `cases.safetensors.br`. Returns their number and bytes. */
export async function writeChosenCases(
  directory: string,
  target: string,
  limit = 3000,
): Promise<{ cases: number; bytes: number }> {
  const families: { family: string; cases: readonly TorchCase[] }[] = [];
  const entries: { name: string; tensor: SafetensorsTensor }[] = [];
  for await (const { name: family, cases, tensors } of readFamilies(directory)) {
    const chosen = chooseCases(cases, tensors, limit);
    const names = new Set(chosen.flatMap(namesIn));
    for (const name of names) {
      const tensor = tensors.get(name);
      if (tensor !== undefined) entries.push({ name: `${family}/${name}`, tensor });
    }
    families.push({ family, cases: chosen.map((torchCase) => renamed(torchCase, family)) });
  }
  // Equal dtypes next to each other compress better.
  entries.sort((a, b) => (a.tensor.dtype < b.tensor.dtype ? -1 : a.tensor.dtype > b.tensor.dtype ? 1 : 0));
  const stored = serializeSafetensors(entries.map(({ name, tensor }) => ({ name, ...tensor })));
  await fs.mkdir(target, { recursive: true });
  const bytes =
    (await writeCompressed(join(target, 'cases.json'), Buffer.from(JSON.stringify({ families })))) +
    (await writeCompressed(join(target, 'cases.safetensors'), stored));
  return { cases: families.reduce((total, { cases }) => total + cases.length, 0), bytes };
}

/** The case with the names of its tensors below that of its family. */
function renamed(torchCase: TorchCase, family: string): TorchCase {
  const rename = <T extends string | null>(name: T): T => (name === null ? name : `${family}/${name}`) as T;
  const inValue = (value: Encoded): Encoded => {
    if (value === null || typeof value !== 'object') return value;
    if ('t' in value) return { t: rename(value.t) };
    if ('l' in value) return { ...value, l: value.l.map(inValue) };
    return 'o' in value ? { o: mapValues(value.o, inValue) as Record<string, Encoded> } : value;
  };
  const { args, kwargs, out, cot, wrt, grad, grad2, v, alt, ...rest } = torchCase;
  const list = <K extends string, T extends string | null>(key: K, names: readonly T[] | undefined) =>
    names === undefined ? {} : { [key]: names.map(rename) };
  return {
    ...rest,
    args: args.map(inValue),
    ...(kwargs === undefined ? {} : { kwargs: mapValues(kwargs, inValue) as Record<string, Encoded> }),
    ...list('out', out),
    ...list('cot', cot),
    ...list('wrt', wrt),
    ...list('grad', grad),
    ...list('grad2', grad2),
    ...list('v', v),
    ...(alt === undefined ? {} : { alt: { ...list('out', alt.out), ...list('grad', alt.grad) } }),
  } as TorchCase;
}
