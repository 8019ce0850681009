/** The cases that gradcheck makes of the entries of layers. */
import type { Module } from '@tessera/nn';
import { CaseConfig, type CheckCase, drawInput, type LayerCase } from '@tessera/nn/cases';
import { Tensor } from '@tessera/tensor';
import { layerCases } from '../layers.ts';
import type { GradcheckCase } from './check-module.ts';

function make(entry: LayerCase, { config = {}, inputs, mode = 'train' }: CheckCase): GradcheckCase {
  if (typeof inputs === 'string') throw new Error(`${entry.name}: the inputs are made by PyTorch`);
  const { forward } = entry;
  const read = new CaseConfig(config);
  const module = entry.build(read).train(mode === 'train');
  const given = { module, inputs: Object.values(inputs).map(drawInput) };
  if (forward === undefined) return given;
  return {
    ...given,
    forward: (own: Module, ...values: Tensor[]) => {
      const result = forward(own, read, ...values);
      return result instanceof Tensor ? result : Object.values(result);
    },
  };
}

/** The entries' cases by name, `MODULE, CASE`, except those whose inputs Python makes or that are declared for PyTorch only. */
export const gradcheckCasesOf = (entries: readonly LayerCase[]): Readonly<Record<string, () => GradcheckCase>> =>
  Object.fromEntries(
    entries.flatMap((entry) =>
      (entry.cases ?? [])
        .filter(({ only, inputs }) => only !== 'torch' && typeof inputs !== 'string')
        .map((check) => [`${entry.name}, ${check.name}`, () => make(entry, check)]),
    ),
  );

/** The cases of the layers and models that come with Tessera. */
export const gradcheckCases = gradcheckCasesOf(layerCases);
