/** Low-rank adapters (LoRA: Hu et al. 2022): a trained model is adapted by small matrices next to its frozen weights. */
import { formatShape, type Tensor, zeros } from '@tessera/tensor';
import { kaimingUniform } from '../init/init.ts';
import { type Module, type NamePattern, type StateDict, selectByPattern } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import {
  Parametrization,
  parametrizationOf,
  parametrizedNames,
  registerParametrization,
  removeParametrization,
} from '../module/parametrize.ts';

export interface LoraOptions {
  /** The rank r of each adapter. */
  readonly rank: number;
  /** The adapter counts alpha / rank. Default: the rank, so that it counts 1. */
  readonly alpha?: number;
  /**
   * The weights that are adapted: patterns of paths, such as `*.in_proj_weight`. Only weights with two dimensions, [out, in], can be.
   * Default: all of these.
   */
  readonly targets?: readonly NamePattern[];
}

/** W + (alpha / r) B A, with W [out, in] frozen, A [r, in] and B [out, r]. B starts at 0, so that nothing changes at first. */
class LowRankUpdate extends Parametrization {
  readonly lora_A: Parameter;
  readonly lora_B: Parameter;
  readonly scale: number;

  constructor(original: Parameter, rank: number, alpha: number) {
    super(original);
    const { dtype } = original;
    const [outputs = 0, inputs = 0] = original.shape;
    this.scale = alpha / rank;
    this.lora_A = new Parameter(kaimingUniform({ a: Math.sqrt(5) })([rank, inputs]).cast(dtype));
    this.lora_B = new Parameter(zeros([outputs, rank], { dtype }));
  }

  forward(): Tensor {
    return this.original.add(this.lora_B.matmul(this.lora_A).mul(this.scale));
  }
}

/** A parameter with the module that has it. */
interface Place {
  readonly path: string;
  readonly module: Module;
  readonly name: string;
  readonly parameter: Parameter;
}

function* placesIn(model: Module): Generator<Place> {
  const seen = new Set<Parameter>();
  for (const [prefix, module] of model.namedModules())
    for (const [name, parameter] of module.members())
      if (parameter instanceof Parameter && !seen.has(parameter)) {
        seen.add(parameter);
        yield { path: prefix === '' ? name : `${prefix}.${name}`, module, name, parameter };
      }
}

/**
 * Freezes the model and adds an adapter to each target. Returns the paths of the adapted weights. Only the adapters are trained; unfreeze
 * what else should be, such as a new head.
 *
 * @throws RangeError for a rank that is not a whole number from 1, or larger than a side of a target; Error for a pattern that matches no
 * parameter, or one that is not [out, in]
 */
export function addLora(model: Module, { rank, alpha = rank, targets }: LoraOptions): string[] {
  if (!(Number.isInteger(rank) && rank >= 1))
    throw new RangeError(`addLora: rank must be a whole number from 1 on, got ${rank}`);
  if (!(Number.isFinite(alpha) && alpha > 0)) throw new RangeError(`addLora: alpha must be above 0, got ${alpha}`);
  const places = [...placesIn(model)].filter(({ module }) => !(module instanceof Parametrization));
  const chosen = targets === undefined ? places.filter(isMatrix) : select(places, targets);
  const unfit = chosen.find((place) => !isMatrix(place));
  if (unfit !== undefined)
    throw new Error(
      `addLora: ${unfit.path} is ${formatShape(unfit.parameter.shape)}; only weights of two dimensions, [out, in], can be adapted`,
    );
  const small = chosen.find(({ parameter }) => parameter.shape.some((side) => side < rank));
  if (small !== undefined)
    throw new RangeError(
      `addLora: a rank of ${rank} is larger than a side of ${small.path}, which is ${formatShape(small.parameter.shape)}`,
    );
  model.freeze();
  for (const { module, name } of chosen)
    registerParametrization(module, name, (original) => new LowRankUpdate(original, rank, alpha));
  return chosen.map(({ path }) => path);
}

const isMatrix = ({ parameter }: Place): boolean => parameter.ndim === 2;

function select(places: readonly Place[], targets: readonly NamePattern[]): Place[] {
  const named = places.map((place): [string, Place] => [place.path, place]);
  return [...new Set(targets.flatMap((pattern) => selectByPattern(named, pattern).map(([, place]) => place)))];
}

function* adaptersOf(model: Module): Generator<{ module: Module; name: string; path: string; update: LowRankUpdate }> {
  for (const [prefix, module] of [...model.namedModules()])
    for (const name of parametrizedNames(module)) {
      const update = parametrizationOf(module, name);
      if (update instanceof LowRankUpdate)
        yield { module, name, path: `${prefix === '' ? '' : `${prefix}.`}parametrizations.${name}`, update };
    }
}

/** Adds each adapter to its weight: the model is as it was before `addLora`, with new values, and costs no more than then. All weights can be trained. */
export function mergeLora(model: Module): void {
  for (const { module, name } of [...adaptersOf(model)]) removeParametrization(module, name);
  model.unfreeze();
}

/** Removes the adapters: the model is as it was before `addLora`. */
export function removeLora(model: Module): void {
  for (const { module, name } of [...adaptersOf(model)]) removeParametrization(module, name, 'original');
  model.unfreeze();
}

/** Only the adapters' tensors, by their names in the state_dict: what has to be saved of an adapted model. */
export function loraStateDict(model: Module): Map<string, Tensor> {
  const state: StateDict = model.stateDict();
  const names = [...adaptersOf(model)].flatMap(({ path }) => [`${path}.lora_A`, `${path}.lora_B`]);
  return new Map(names.map((name) => [name, state.get(name) as Tensor]));
}
