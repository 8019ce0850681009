/** Activations as functions. */
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, type Given, inDType, unsupported } from './call.ts';

/** An activation with its own parameters, which PyTorch could also compute in place. */
const activation = (parameters: string, apply: (given: Given) => Tensor): Adapter =>
  call(`input${parameters === '' ? '' : ` ${parameters}`} -inplace`, apply);

const plain = (apply: (input: Tensor) => Tensor): Adapter => activation('', ({ input }) => apply(input));

const hardshrink = activation('lambd', ({ input, lambd }) => F.hardshrink(input, lambd));

/** PyTorch negates before it casts, which matters for u8. */
const softmin = call('input dim _stacklevel dtype', ({ input, dim, dtype }) =>
  F.softmax(inDType(input.neg(), dtype), dim ?? unsupported('no dim')),
);

export const activations: Adapters = {
  'nn.functional.relu': plain(F.relu),
  'nn.functional.relu6': plain(F.relu6),
  'nn.functional.silu': plain(F.silu),
  'nn.functional.selu': plain(F.selu),
  'nn.functional.mish': plain(F.mish),
  'nn.functional.hardswish': plain(F.hardswish),
  'nn.functional.hardsigmoid': plain(F.hardsigmoid),
  'nn.functional.softsign': plain(F.softsign),
  'nn.functional.tanhshrink': plain(F.tanhshrink),
  'nn.functional.logsigmoid': plain(F.logSigmoid),
  'nn.functional.gelu': activation('approximate', ({ input, approximate }) => F.gelu(input, approximate ?? 'none')),
  'nn.functional.leaky_relu': activation('negative_slope', (p) => F.leakyRelu(p.input, p.negative_slope)),
  'nn.functional.elu': activation('alpha', ({ input, alpha }) => F.elu(input, alpha)),
  'nn.functional.celu': activation('alpha', ({ input, alpha }) => F.celu(input, alpha)),
  'nn.functional.softplus': activation('beta threshold', (p) =>
    F.softplus(p.input, p.beta ?? undefined, p.threshold ?? undefined),
  ),
  'nn.functional.hardtanh': activation('min_val max_val', ({ input, min_val, max_val }) =>
    F.hardtanh(input, min_val ?? undefined, max_val ?? undefined),
  ),
  'nn.functional.prelu': call('input weight', ({ input, weight }) => F.prelu(input, weight)),
  'nn.functional.glu': call('input dim', ({ input, dim }) => F.glu(input, dim)),
  'nn.functional.softshrink': activation('lambd', ({ input, lambd }) => F.softshrink(input, lambd)),
  'nn.functional.hardshrink': hardshrink,
  hardshrink,
  'nn.functional.threshold': activation('threshold value', (p) => F.threshold(p.input, p.threshold, p.value)),
  'nn.functional.softmin': softmin,
  'nn.functional.softmin:with_dtype': softmin,
  quickgelu: plain(F.quickGelu),
};
