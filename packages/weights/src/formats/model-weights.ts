import { closestName, init, type Module, type StateDict } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { clipFormats } from './clip-formats.ts';
import type { ConfigFile, ModelHints, WeightFormat, WeightNames } from './format.ts';
import { imageFormats } from './image-formats.ts';
import { matchesAny, theirNames, toOurNames, toTheirNames } from './names.ts';

/** The likeliest first. */
const formats: readonly WeightFormat[] = [...clipFormats, ...imageFormats];

/** All that `names` can be. */
export const weightNames: readonly WeightNames[] = [...new Set(formats.map(({ names }) => names))];

/** The configuration files that tell something about a model, where they lie beside its weights. */
export const configFileNames: readonly string[] = ['config.json', 'open_clip_config.json'];

export interface WeightSource extends ModelHints {
  /** A file's tensors by name, floating-point ones in any precision. */
  readonly state: StateDict;
  /** Whose names they are. Default: seen from the names. */
  readonly names?: WeightNames;
}

export interface ModelFromWeights {
  readonly model: Module;
  readonly names: WeightNames;
  /** What the file is, for messages. */
  readonly title: string;
  /** What nothing in the file says and was taken for granted. */
  readonly assumptions: readonly string[];
}

/** Wrappers of PyTorch's data parallelism and compilation put themselves in front of every name. */
const wrappers = ['module.', '_orig_mod.'];

function unwrap(state: StateDict): StateDict {
  const prefix = wrappers.find(
    (candidate) => state.size > 0 && [...state.keys()].every((name) => name.startsWith(candidate)),
  );
  if (prefix === undefined) return state;
  return unwrap(new Map([...state].map(([name, tensor]) => [name.slice(prefix.length), tensor])));
}

/**
 * Builds the model that a file's tensors belong to, and gives it their values as f32. Sizes are read from shapes; what shapes do not
 * say (heads, activation) comes from `configFiles` or `description`, or is taken for granted as OpenAI's loader does.
 *
 * @throws where no format fits, or where names are missing or unexpected: both are listed, in the file's names, with the nearest
 */
export function modelFromWeights({ state: given, names, ...hints }: WeightSource): ModelFromWeights {
  const wrapped = unwrap(given);
  const format = recognize(new Set(wrapped.keys()), names);
  const state = new Map([...wrapped].filter(([name]) => !matchesAny(name, format.ignored)));
  const ours = toOurNames(state, format.table);
  try {
    const { model, assumptions } = init.skipInit(() => format.build(ours, hints));
    // PyTorch counts batches since 1.0 only; nothing here depends on the count.
    for (const [name, count] of model.namedBuffers())
      if (name.endsWith('num_batches_tracked') && !ours.has(name)) ours.set(name, count.detach());
    checkNames(model, state, ours, format);
    model.loadStateDict(ours);
    return { model, names: format.names, title: format.title, assumptions };
  } catch (cause) {
    throw new Error(`looks like ${format.title}, but ${(cause as Error).message}`, { cause });
  }
}

/** What a file with tensors of these names is; null where it is nothing known. */
export const titleOfWeights = (names: Iterable<string>): string | null => {
  const found = new Set(names);
  return formats.find((format) => format.recognizes(found))?.title ?? null;
};

function recognize(found: ReadonlySet<string>, names: WeightNames | undefined): WeightFormat {
  const allowed = names === undefined ? formats : formats.filter((format) => format.names === names);
  const format =
    allowed.find((candidate) => candidate.recognizes(found)) ?? (names === undefined ? undefined : allowed.at(-1));
  if (format !== undefined) return format;
  const sample = [...found].slice(0, 5).join(', ');
  throw new Error(
    `holds ${found.size} tensors of no known model (${sample}${found.size > 5 ? ', ...' : ''}); known are ${formats.map(({ title }) => title).join('; ')}`,
  );
}

const listed = 30;

function checkNames(model: Module, state: StateDict, ours: StateDict, { table }: WeightFormat): void {
  const own = [...model.stateDict().keys()];
  const missing = own
    .filter((name) => !ours.has(name))
    .flatMap((name) => theirNames(name, table))
    .filter((name) => !state.has(name));
  const wanted = new Set(own.flatMap((name) => theirNames(name, table)));
  const unexpected = [...state.keys()].filter((name) => !wanted.has(name));
  const problems: (() => string)[] = [
    ...missing.map((name) => () => `missing: ${name}`),
    ...unexpected.map((name) => () => {
      const near = closestName(name, missing.length > 0 ? missing : wanted);
      return `unexpected: ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
    }),
  ];
  if (problems.length === 0) return;
  // Only what is shown is compared: a file may have any number of names.
  const shown = problems.slice(0, listed).map((describe) => describe());
  if (problems.length > listed) shown.push(`... and ${problems.length - listed} more`);
  throw new Error(['its names do not fit the model', ...shown].join('\n  '));
}

export interface StoredWeights {
  readonly names: WeightNames;
  readonly state: Map<string, Tensor>;
  /** What a file should say beside the tensors, so that `modelFromWeights` builds the same model: its `description`. */
  readonly description: object;
  /** The configuration file that the names' makers put beside the weights; null where they have none. */
  readonly configFile: ConfigFile | null;
}

/** Whether `weightsOf` has a format for the model. */
export const isKnownModel = (model: Module): boolean => formats.some((format) => format.stores(model));

/**
 * A model's parameters and buffers under the names of one of the formats.
 *
 * @param names default: those of the modules here
 * @throws where the model cannot be stored so
 */
export function weightsOf(model: Module, names?: WeightNames): StoredWeights {
  const possible = formats.filter((format) => format.stores(model));
  const format =
    names === undefined
      ? (possible.find((own) => own.names === 'openai') ?? possible[0])
      : possible.find((own) => own.names === names);
  const what = model.constructor.name;
  if (format === undefined)
    throw new Error(
      possible.length === 0
        ? `${what} cannot be stored as the weights of a known model`
        : `${what} cannot be stored under the names of ${names}; possible are ${possible.map((own) => own.names).join(', ')}`,
    );
  return {
    names: format.names,
    state: toTheirNames(model.stateDict(), format.table),
    description: format.describe(model),
    configFile: format.configFile(model),
  };
}
