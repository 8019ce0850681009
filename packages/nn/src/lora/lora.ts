/** Low-rank adapters (LoRA: Hu et al. 2022): a trained model is adapted by small matrices next to its frozen weights. */
import { formatShape, type Tensor, zeros } from '@tessera/tensor';
import { requireProbability, requireWhole } from '../arguments.ts';
import { kaimingUniform } from '../init/init.ts';
import { MultiheadAttention } from '../layers/attention/multihead-attention.ts';
import { dropout } from '../layers/dropout.ts';
import { Linear, linear } from '../layers/linear.ts';
import type { Module, StateDict } from '../module/module.ts';
import { listNames, type NamePattern, selectByPattern } from '../module/name-pattern.ts';
import { Parameter } from '../module/parameter.ts';
import {
  Parametrization,
  parametrizationOf,
  parametrizedNames,
  registerParametrization,
  removeParametrization,
} from '../module/parametrize.ts';
import { settings } from '../module/print-module.ts';
import { type LoraScale, loraScale, mergedWeight } from './lora-state.ts';

export interface LoraOptions extends LoraScale {
  /** The probability of dropping a number of an adapter's input in training. Default: 0. */
  readonly dropout?: number;
  /**
   * The weights that are adapted: patterns of paths, such as `c_fc` or `*.in_proj_weight`. Of what a pattern matches, the weights of linear
   * layers and of projections of attention are chosen; where there are none, other matrices. Default: the weights of all linear layers and
   * projections of attention that are not in `trainable`.
   */
  readonly targets?: readonly NamePattern[];
  /** Patterns of parameters that are trained themselves, such as those of a new head. Default: none. */
  readonly trainable?: readonly NamePattern[];
}

/** W + s B A, with W [out, in] frozen, A [r, in] and B [out, r]. B starts at 0, so that nothing changes at first. */
class LowRankUpdate extends Parametrization {
  readonly lora_A: Parameter;
  readonly lora_B: Parameter;
  readonly scale: number;
  readonly dropout: number;

  constructor(original: Parameter, options: LoraOptions) {
    super(original);
    const { rank } = options;
    const { dtype } = original;
    const [outputs = 0, inputs = 0] = original.shape;
    this.scale = loraScale(options);
    this.dropout = options.dropout ?? 0;
    this.lora_A = new Parameter(kaimingUniform({ a: Math.sqrt(5) })([rank, inputs]).cast(dtype));
    this.lora_B = new Parameter(zeros([outputs, rank], { dtype }));
  }

  override extraRepr(): string {
    return settings({ rank: this.lora_A.shape[0] ?? 0, scale: this.scale, dropout: this.dropout });
  }

  forward(): Tensor {
    return mergedWeight(this.original, this.lora_A, this.lora_B, this.scale);
  }

  /** x W^T + b + s (drop(x) A^T) B^T: neither B A nor the derivative of W is computed. */
  override linear(input: Tensor, bias: Tensor | null, rows: (packed: Tensor) => Tensor): Tensor {
    const low = linear(dropout(input, this.dropout, this.training), this.lora_A);
    const update = linear(low.mul(this.scale), rows(this.lora_B));
    return linear(input, rows(this.original), bias).add(update);
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
 * Freezes the model and adds an adapter to each target. Only the adapters, and what `trainable` names, are trained. A of an adapter starts
 * as the weight of a Linear does, B at 0. Returns the paths of the adapted weights.
 *
 * @throws RangeError for a rank that is not a whole number from 1, or larger than a side of a target; Error for a pattern that matches no
 * parameter, or one that is not [out, in], and where there is dropout but no input that it could act on
 */
export function addLora(model: Module, options: LoraOptions): string[] {
  const { rank, dropout: rate = 0, targets, trainable = [] } = options;
  const alpha = options.alpha ?? rank;
  requireWhole('addLora', { rank });
  if (!(Number.isFinite(alpha) && alpha > 0)) throw new RangeError(`addLora: alpha must be above 0, got ${alpha}`);
  requireProbability('addLora', rate);
  const places = [...placesIn(model)].filter(({ module }) => !(module instanceof Parametrization));
  const whole = new Set(places.filter(matching(places, trainable)));
  const chosen = chooseTargets(places, targets).filter((place) => !whole.has(place));
  if (chosen.length === 0) {
    const matrices = listNames(places.filter(isMatrix).map(({ path }) => path));
    throw new Error(
      `addLora: ${model.constructor.name} has no linear layer to adapt${trainable.length === 0 ? '' : ' that is not in trainable'}, ` +
        (matrices === '' ? 'and no other matrices' : `only ${matrices}`),
    );
  }
  const small = chosen.find(({ parameter }) => parameter.shape.some((side) => side < rank));
  if (small !== undefined)
    throw new RangeError(
      `addLora: a rank of ${rank} is larger than a side of ${small.path}, which is ${formatShape(small.parameter.shape)}`,
    );
  const inputless = rate === 0 ? undefined : chosen.find((place) => !isLinear(place));
  if (inputless !== undefined)
    throw new Error(
      `addLora: dropout acts on the inputs of linear layers, and ${inputless.path} is not the weight of one; set dropout to 0`,
    );
  model.freeze();
  for (const { parameter } of whole) parameter.requiresGrad = true;
  for (const { module, name } of chosen)
    registerParametrization(module, name, (original) => new LowRankUpdate(original, options));
  return chosen.map(({ path }) => path);
}

const isMatrix = ({ parameter }: Place): boolean => parameter.ndim === 2;

/** Whether a parameter is a weight that its module applies with `linearOf`. */
const isLinear = ({ module, name, parameter }: Place): boolean =>
  (module instanceof Linear && name === 'weight' && parameter.ndim === 2) ||
  (module instanceof MultiheadAttention && name.endsWith('_proj_weight'));

const matchedBy = (places: readonly Place[], pattern: NamePattern): Place[] =>
  selectByPattern(
    places.map((place): [string, Place] => [place.path, place]),
    pattern,
  ).map(([, place]) => place);

function matching(places: readonly Place[], patterns: readonly NamePattern[]): (place: Place) => boolean {
  const found = new Set(patterns.flatMap((pattern) => matchedBy(places, pattern)));
  return (place) => found.has(place);
}

function chooseTargets(places: readonly Place[], targets: readonly NamePattern[] | undefined): Place[] {
  if (targets === undefined) return places.filter(isLinear);
  const chosen = targets.flatMap((pattern) => {
    const matched = matchedBy(places, pattern);
    const [linears, matrices] = [matched.filter(isLinear), matched.filter(isMatrix)];
    const [first] = matched;
    if (first !== undefined && matrices.length === 0)
      throw new Error(
        `addLora: ${first.path} is ${formatShape(first.parameter.shape)}; only weights of two dimensions, [out, in], can be adapted: ` +
          listNames(places.filter(isLinear).map(({ path }) => path)),
      );
    return linears.length > 0 ? linears : matrices;
  });
  return [...new Set(chosen)];
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
