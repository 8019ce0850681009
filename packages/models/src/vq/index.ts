/** Images as discrete tokens. */
export { type AutoencoderOptions, ConvDecoder, ConvEncoder } from './autoencoder.ts';
export { type Quantized, VectorQuantizer, type VectorQuantizerOptions } from './vector-quantizer.ts';
export { type Reconstruction, VQTokenizer, type VQTokenizerConfig } from './vq-tokenizer.ts';
