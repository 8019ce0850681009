/** The names of activations in the configuration files of other libraries. Where two names are the same function, the first is written. */
import { type ActivationName, activations } from '@tessera/nn';

/** The activations by name, as the table that `JsonReader.choice` takes. */
export const activationNames = Object.fromEntries(
  Object.keys(activations).map((name) => [name, name as ActivationName]),
) as Readonly<Record<string, ActivationName>>;

/** Hugging Face's `hidden_act`. */
export const huggingFaceActivations: Readonly<Record<string, ActivationName>> = {
  quick_gelu: 'quickgelu',
  gelu: 'gelu',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_new: 'gelu-tanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  mish: 'mish',
  relu6: 'relu6',
  hardswish: 'hardswish',
  leaky_relu: 'leaky-relu',
};

/** timm's `act_layer`. */
export const timmActivations: Readonly<Record<string, ActivationName>> = {
  gelu: 'gelu',
  gelu_tanh: 'gelu-tanh',
  quick_gelu: 'quickgelu',
  relu: 'relu',
  relu6: 'relu6',
  silu: 'silu',
  swish: 'silu',
  mish: 'mish',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  leaky_relu: 'leaky-relu',
  elu: 'elu',
  celu: 'celu',
  selu: 'selu',
};
