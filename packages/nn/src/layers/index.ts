/** The layers. Each file has a function and the module class with its parameters; its check case is in NAME.case.ts. */
export * from './activations.ts';
export * from './attention/multihead-attention.ts';
export {
  type AttentionOptions,
  attentionWeights,
  scaledDotProductAttention,
} from './attention/scaled-dot-product-attention.ts';
export * from './batch-norm.ts';
export * from './conv2d.ts';
export * from './drop-path.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export * from './flatten.ts';
export * from './glu.ts';
export * from './hard-activations.ts';
export * from './identity.ts';
export * from './layer-norm.ts';
export * from './linear.ts';
export * from './pooling.ts';
export * from './prelu.ts';
export * from './rectifiers.ts';
export * from './sequential.ts';
export * from './smooth-activations.ts';
export * from './softmax.ts';
