/** The layers: each file has a function, the module class that holds its parameters, and beside it a check case. */
export * from './activations.ts';
export * from './batch-norm.ts';
export * from './conv2d.ts';
export * from './drop-path.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export * from './flatten.ts';
export * from './identity.ts';
export * from './layer-norm.ts';
export * from './linear.ts';
export * from './multihead-attention.ts';
export * from './pooling.ts';
export * from './sequential.ts';
export * from './softmax.ts';
