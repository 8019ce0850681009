/** All adapters: how each of PyTorch's operations, modules and optimizers is called here. */
import { activations } from './activations.ts';
import type { Adapters } from './call.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { initializers } from './initializers.ts';
import { layers } from './layers.ts';
import { linearAlgebra } from './linear-algebra.ts';
import { losses } from './losses.ts';
import { modules } from './modules.ts';
import { optimizers } from './optimizers.ts';
import { reductions } from './reductions.ts';
import { shaping } from './shaping.ts';
import { sorting } from './sorting.ts';

const themes: readonly Adapters[] = [
  activations,
  creation,
  elementwise,
  indexing,
  initializers,
  layers,
  linearAlgebra,
  losses,
  modules,
  optimizers,
  reductions,
  shaping,
  sorting,
];

export const torchAdapters: Adapters = Object.assign({}, ...themes);
