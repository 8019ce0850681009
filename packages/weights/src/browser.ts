/** The part of this package that runs in a browser: reading safetensors. */
export { parseTensors, type TensorFile } from './safetensors/parse-tensors.ts';
