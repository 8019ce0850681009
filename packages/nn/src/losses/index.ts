/** The losses: what a model's outputs are compared by. Each file has the function and, where PyTorch has one, the module class. */
export * from './contrastive.ts';
export * from './cross-entropy.ts';
export * from './distillation.ts';
