/** The parts of this package that run in a browser. */
export { parseTensors, type TensorFile } from './safetensors/parse-tensors.ts';
