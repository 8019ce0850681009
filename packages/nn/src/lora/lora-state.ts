/** Adapters in a state_dict, apart from the model: which they are, and the state of the model that they are merged into. */
import type { Tensor } from '@tessera/tensor';
import type { StateDict } from '../module/module.ts';

/** What an adapter counts: see `loraScale`. */
export interface LoraScale {
  /** The rank r of each adapter. */
  readonly rank: number;
  /** Default, and null: the rank. */
  readonly alpha?: number | null;
  /** Whether the adapter counts alpha / sqrt(rank), so that larger ranks learn as fast (Kalajdzievski 2023, "rsLoRA"). Default: false. */
  readonly rankStabilized?: boolean;
}

/** The factor of B A: alpha / rank, or alpha / sqrt(rank). */
export const loraScale = ({ rank, alpha, rankStabilized = false }: LoraScale): number =>
  (alpha ?? rank) / (rankStabilized ? Math.sqrt(rank) : rank);

/** W + s B A. */
export const mergedWeight = (original: Tensor, a: Tensor, b: Tensor, scale: number): Tensor =>
  original.add(b.matmul(a).mul(scale));

/** Where the tensors of adapters are in a state_dict: `PREFIXparametrizations.NAME.` and then `original`, `lora_A` or `lora_B`. */
const adapterName = /^((?:.*\.)?)parametrizations\.([^.]+)\.(original|lora_A|lora_B)$/;

/** The two matrices of an adapter in a state_dict, with the path of its weight in the model without adapters. */
export interface LoraPair {
  readonly path: string;
  /** [r, in] */
  readonly a: Tensor;
  /** [out, r] */
  readonly b: Tensor;
}

/** The adapters in the state_dict of a model after `addLora`, in its order. */
export function loraPairs(state: StateDict): LoraPair[] {
  return [...state].flatMap(([name, a]) => {
    const [, prefix = '', own = '', part] = adapterName.exec(name) ?? [];
    const b = part === 'lora_A' ? state.get(`${prefix}parametrizations.${own}.lora_B`) : undefined;
    return b === undefined ? [] : [{ path: prefix + own, a, b }];
  });
}

/**
 * The state_dict that the model has after `mergeLora`, from its state_dict after `addLora`.
 *
 * @param scale rank, alpha and `rankStabilized` of the adapters
 */
export function mergedStateDict(state: StateDict, scale: LoraScale): Map<string, Tensor> {
  const pairs = new Map(loraPairs(state).map((pair) => [pair.path, pair]));
  const merged = [...state].flatMap(([name, tensor]): [string, Tensor][] => {
    const [, prefix = '', own = '', part] = adapterName.exec(name) ?? [];
    const pair = pairs.get(prefix + own);
    if (part === undefined || pair === undefined) return [[name, tensor]];
    return part === 'original' ? [[pair.path, mergedWeight(tensor, pair.a, pair.b, loraScale(scale))]] : [];
  });
  return new Map(merged);
}
