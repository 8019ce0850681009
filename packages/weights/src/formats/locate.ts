/** Finding a model among named tensors: its format, and the prefix that another module or a data-parallel wrapper put before its names. */
import { chooseWith } from '../files/stored-tensor.ts';
import type { WeightFormat } from './format.ts';

/** A model among the tensors of a file. */
export interface LocatedModel {
  readonly format: WeightFormat;
  /** What stands before the names of the model's tensors. */
  readonly prefix: string;
}

/** Copies that a training method keeps of the model that it trains: MoCo's key encoder, momentum encoders, moving averages. */
const copies = /(^|[._])(encoder_k|key_encoder|momentum_encoder|target|ema|averaged)[._]/;

/** Prefixes that PyTorch's data parallelism and compilation add: nothing is left out because of them. */
const wrappers = ['module.', '_orig_mod.'];

const namesBelow = (names: Iterable<string>, prefix: string): Set<string> =>
  new Set([...names].flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : [])));

/** All models among the tensors, without those that are parts of another. */
function candidates(names: ReadonlySet<string>, formats: readonly WeightFormat[]): LocatedModel[] {
  const prefixes = new Set<string>();
  for (const name of names)
    for (const { anchor } of formats)
      if (name === anchor || name.endsWith(`.${anchor}`)) prefixes.add(name.slice(0, name.length - anchor.length));
  const found: LocatedModel[] = [];
  for (const prefix of [...prefixes].sort((a, b) => a.length - b.length)) {
    if (found.some((other) => prefix.startsWith(other.prefix))) continue;
    const below = namesBelow(names, prefix);
    const format = formats.find((candidate) => candidate.recognizes(below));
    if (format !== undefined) found.push({ format, prefix });
  }
  return found;
}

/**
 * The model among tensors with these names; null if no format recognizes one.
 *
 * @throws if there are several, or if most of the tensors are not part of it; the message lists their keys
 */
export function locateModel(names: ReadonlySet<string>, formats: readonly WeightFormat[]): LocatedModel | null {
  const found = candidates(names, formats);
  const originals = found.filter(({ prefix }) => !copies.test(prefix));
  const [located, ...others] = originals.length > 0 ? originals : found;
  if (located === undefined) return null;
  const keyOf = ({ prefix }: LocatedModel): string => prefix.slice(0, -1);
  if (others.length > 0)
    throw new Error(
      `contains ${1 + others.length} models: ${[located, ...others].map(keyOf).join(', ')}; ${chooseWith}`,
    );
  const inside = namesBelow(names, located.prefix).size;
  const copied = found.reduce((sum, { prefix }) => sum + namesBelow(names, prefix).size, 0) - inside;
  const rest = names.size - inside - copied;
  if (rest <= inside) return located;
  const example = [...names].find((name) => !found.some(({ prefix }) => name.startsWith(prefix)));
  throw new Error(
    `contains ${located.format.title} below ${keyOf(located)}, and ${rest} other tensors (${example}, ...); ${chooseWith}, for example ${keyOf(located)}`,
  );
}

/** The tensors of a located model, and what is to be said about those that are not part of it. */
export function tensorsOf<T>(
  state: ReadonlyMap<string, T>,
  { prefix, format }: LocatedModel,
): { readonly state: Map<string, T>; readonly notes: readonly string[] } {
  const own = new Map<string, T>();
  const others: string[] = [];
  for (const [name, tensor] of state)
    if (name.startsWith(prefix)) own.set(name.slice(prefix.length), tensor);
    else others.push(name);
  const bare = wrappers.reduce((rest, wrapper) => rest.replaceAll(wrapper, ''), prefix);
  const notes = bare === '' ? [] : [`the model is below ${prefix.slice(0, -1)}`];
  if (others.length > 0) notes.push(`left out, as not part of ${format.title}: ${abridged(others)}`);
  return { state: own, notes };
}

/** The first names of a list, and the number of the others. */
export const abridged = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
