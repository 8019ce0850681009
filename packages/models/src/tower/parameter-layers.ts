/** Which layer of a model each parameter belongs to, for learning rates that fall from the output to the input. */
import type { Module } from '@tessera/nn';

/** How a model finds the layers of its parameters from their names, as timm's `group_matcher`. */
export interface GroupMatcher {
  /** Parameters before the first block. */
  readonly stem: RegExp;
  /** Parameters of blocks. The numbers that an expression captures order the blocks; missing numbers count as 0. */
  readonly blocks: readonly RegExp[];
  /** Parameters after the last block that belong to its layer, such as the last norm. */
  readonly end?: RegExp;
}

/** A model whose layers are known. What the matcher does not name, such as a head, is the layer after the last block. */
export interface LayeredModel extends Module {
  groupMatcher(): GroupMatcher;
}

const isLayered = (module: Module): module is LayeredModel => 'groupMatcher' in module;

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

/** The place of a block in the order of blocks. */
type Place = readonly number[];

const comparePlaces = (a: Place, b: Place): number => {
  for (let k = 0; k < Math.max(a.length, b.length); k++) {
    const difference = (a[k] ?? 0) - (b[k] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

function placeOf(name: string, blocks: readonly RegExp[]): Place | null {
  for (const block of blocks) {
    const found = block.exec(name);
    if (found !== null) return found.slice(1).map(Number);
  }
  return null;
}

/** The number of layers above that of each parameter of one model: L + 1 for the stem, 1 for the last of L blocks. */
function layersAbove(model: LayeredModel): Map<string, number> {
  const { stem, blocks, end } = model.groupMatcher();
  const above = new Map<string, number>();
  const inBlocks: { readonly name: string; readonly place: Place }[] = [];
  const inStem: string[] = [];
  for (const [name] of model.namedParameters()) {
    const place = placeOf(name, blocks);
    if (stem.test(name)) inStem.push(name);
    else if (place !== null) inBlocks.push({ name, place });
    else if (end?.test(name) === true) above.set(name, 1);
    else above.set(name, 0);
  }
  const places = inBlocks.map(({ place }) => place).sort(comparePlaces);
  const distinct = places.filter((place, k) => k === 0 || comparePlaces(place, places[k - 1] as Place) !== 0);
  for (const { name, place } of inBlocks)
    above.set(name, distinct.length - distinct.findIndex((other) => comparePlaces(other, place) === 0));
  for (const name of inStem) above.set(name, distinct.length + 1);
  return above;
}

/**
 * The number of layers between each parameter's layer and the output: 0 for heads and for everything outside of towers whose layers are
 * known, 1 for the last block of a tower, L + 1 for its stem. Layers are those of timm's `group_parameters` (`coarse=False`), and as there a
 * model that has nothing after its last block begins to count at 0 with that block. Each tower of a model with several has its own layers.
 * Empty where no part of the model has known layers.
 */
export function layersToOutput(model: Module): Map<string, number> {
  const known = new Map<string, number>();
  for (const [path, module] of model.namedModules())
    if (isLayered(module)) for (const [name, above] of layersAbove(module)) known.set(join(path, name), above);
  if (known.size === 0) return known;
  const layers = model.namedParameters().map(([name]) => [name, known.get(name) ?? 0] as const);
  const first = Math.min(...layers.map(([, above]) => above));
  return new Map(layers.map(([name, above]) => [name, above - first]));
}
