/** Groups of parameters from the settings: factors on the learning rate, and weight decay, by patterns of names and by layers. */
import { layersToOutput } from '@tessera/models';
import { type Module, type Parameter, selectByPattern } from '@tessera/nn';
import { noDecay, type ParameterGroup } from './optimizer.ts';
import type { GroupSettings } from './settings.ts';

/** Parameters with the same rate and weight decay. */
interface Group {
  readonly lrScale: number;
  readonly weightDecay: number;
  readonly names: Set<string>;
}

export interface ParameterGroups {
  /** Every trained parameter is in one of them. */
  readonly groups: readonly ParameterGroup[];
  /** The groups in one line; null where the settings ask for none. */
  readonly description: string | null;
}

type GroupSetting = GroupSettings['groups'][number];

type Named = readonly [name: string, parameter: Parameter];

/**
 * The groups of a model's trained parameters. The factor on a parameter's learning rate is `lrScale` of the first group that matches its
 * name, times layerDecay^n for a parameter n layers below the output (Bao et al. 2022, "BEiT"; layers as in timm). Weight decay is that of
 * the group, or else `weightDecay`, and always 0 for the parameters that `noDecay` names.
 *
 * @throws Error for a pattern that matches no trained parameter that is not in an earlier group, a weight decay that no parameter of its
 *   group can have, or a layer decay where the model has no known layers
 */
export function parameterGroups(model: Module, settings: GroupSettings): ParameterGroups {
  const trained = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
  if (settings.groups.length === 0 && settings.layerDecay === null) return { groups: [noDecay], description: null };
  const groupOf = assignGroups(model, trained, settings);
  const layers = settings.layerDecay === null ? null : layersOf(model, settings.layerDecay);
  const groups = new Map<string, Group>();
  for (const [name, parameter] of trained) {
    const own = groupOf.get(name);
    const lrScale = (own?.lrScale ?? 1) * (settings.layerDecay ?? 1) ** (layers?.get(name) ?? 0);
    const weightDecay = noDecay.match(name, parameter) ? 0 : (own?.weightDecay ?? settings.weightDecay);
    const key = `${lrScale} ${weightDecay}`;
    const group = groups.get(key) ?? { lrScale, weightDecay, names: new Set() };
    groups.set(key, group);
    group.names.add(name);
  }
  const all = [...groups.values()];
  return {
    groups: all.map(({ names, ...options }) => ({ ...options, match: (name) => names.has(name) })),
    description: describe(all),
  };
}

/** The group of the settings that each trained parameter is in, by its name. */
function assignGroups(model: Module, trained: readonly Named[], { groups }: GroupSettings): Map<string, GroupSetting> {
  const isTrained = new Map(trained);
  const groupOf = new Map<string, GroupSetting>();
  for (const [k, group] of groups.entries()) {
    const where = `optimizer.groups: group ${k + 1}, ${JSON.stringify(group.match)}`;
    const matched = selectMatching(model, group.match, where);
    const live = matched.filter(([name]) => isTrained.has(name));
    if (live.length === 0) throw new Error(`${where}: all parameters of that name are frozen; remove the group`);
    const own = live.filter(([name]) => !groupOf.has(name));
    if (own.length === 0)
      throw new Error(`${where}: earlier groups contain all of its parameters; move it before them, or remove it`);
    if ((group.weightDecay ?? 0) > 0 && own.every(([name, parameter]) => noDecay.match(name, parameter)))
      throw new Error(
        `${where}: has a weightDecay of ${group.weightDecay}, but all of its parameters are of the kinds without weight decay ` +
          '(biases, norms, tokens, positions and others with fewer than two dimensions)',
      );
    for (const [name] of own) groupOf.set(name, group);
  }
  return groupOf;
}

function selectMatching(model: Module, match: string, where: string): readonly Named[] {
  try {
    return selectByPattern(model.namedParameters(), match);
  } catch (cause) {
    throw new Error(`${where}: ${(cause as Error).message}`, { cause });
  }
}

function layersOf(model: Module, layerDecay: number): Map<string, number> {
  const layers = layersToOutput(model);
  if (layers.size === 0)
    throw new Error(
      `optimizer.layerDecay is ${layerDecay}, but the layers of ${model.constructor.name} have no order that is known; set it to null, ` +
        'and use optimizer.groups for single parts',
    );
  return layers;
}

/** Counts of parameters by a number, the largest number first: "1 (5 parameters), 0.75 (12)". */
function counts(groups: readonly Group[], numberOf: (group: Group) => number): string {
  const totals = new Map<number, number>();
  for (const group of groups) totals.set(numberOf(group), (totals.get(numberOf(group)) ?? 0) + group.names.size);
  return [...totals]
    .sort(([a], [b]) => b - a)
    .map(([value, count], k) => `${Number(value.toPrecision(4))} (${count}${k === 0 ? ' parameters' : ''})`)
    .join(', ');
}

const describe = (groups: readonly Group[]): string =>
  `learning rate times ${counts(groups, ({ lrScale }) => lrScale)}; weight decay ${counts(groups, ({ weightDecay }) => weightDecay)}`;
