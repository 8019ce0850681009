/**
 * The check case of a layer: declared once, in a file NAME.case.ts next to the layer's code, for three uses. `npm run gradcheck`
 * compares its derivatives with central differences, `npm run reference` compares it with PyTorch's numbers, and
 * scripts/reference/generate.py computes these numbers.
 */
import type { Tensor } from '@tessera/tensor';
import { Identity } from '../layers/identity.ts';
import type { Module } from '../module/module.ts';
import type { CaseConfig } from './config.ts';
import type { InputSpec } from './inputs.ts';

/** The PyTorch side, in Python: expressions that may name torch, nn, F and the modules of scripts/reference/modules. */
export interface TorchSpelling {
  /** A class or function that takes `config` as keyword arguments and returns the module. */
  readonly build: string;
  /** A function of the module and its inputs. Default: the module is called with the inputs. */
  readonly forward?: string;
  /** A function of the module and a `Numbers` that sets the weights. Default: `fill_at_random`. */
  readonly fill?: string;
}

/** One set of arguments and inputs that a layer is checked with. */
export interface CheckCase {
  /** With PyTorch's numbers: the folder of the reference case. For gradcheck alone: what is special about it. */
  readonly name: string;
  /** PyTorch's keyword arguments: what `build` reads. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** In order, by name. Or a Python function that makes them from a `Numbers`: then gradcheck leaves the case out. */
  readonly inputs: Readonly<Record<string, InputSpec>> | string;
  /** The outputs' names, if there are several. Default: `out`. */
  readonly outputs?: readonly string[];
  /** Default: `train`. */
  readonly mode?: 'train' | 'eval';
  /** Of the reference case. Default: `f64`. */
  readonly dtype?: 'f32' | 'f64';
  /** Leaves out the other use. */
  readonly only?: 'gradcheck' | 'torch';
}

export interface LayerCase<M extends Module = Module> {
  /** The name in `case.json` and on the command line: the class of the module, or what the function is called. */
  readonly name: string;
  /** Builds the module from PyTorch's arguments. */
  build(config: CaseConfig): M;
  /**
   * Runs the module: its only output, or all of them by name. An input that may be missing needs a default value.
   * Default: `module.forward(...inputs)`.
   */
  forward?(module: M, config: CaseConfig, ...inputs: Tensor[]): Tensor | Readonly<Record<string, Tensor>>;
  /** True for whole models, which have a wider tolerance in f32 than layers and blocks. */
  readonly wholeModel?: boolean;
  /** How PyTorch makes the module. Without it, no reference cases are generated. */
  readonly torch?: string | TorchSpelling;
  /** Default: none, for modules whose reference cases are made elsewhere. */
  readonly cases?: readonly CheckCase[];
}

/** The case of a function that has no module: `forward` gets an `Identity` instead. */
export const functionCase = (entry: Omit<LayerCase<Identity>, 'build'>): LayerCase =>
  layerCase<Identity>({ build: () => new Identity(), ...entry });

/** `forward` only gets modules that `build` of the same entry has made, so entries for different modules can share a list. */
export const layerCase = <M extends Module>(entry: LayerCase<M>): LayerCase => entry as unknown as LayerCase;
