/** All functions of this package under one name, as PyTorch's `torch.nn.functional`. The layers' classes come along. */
export * from './layers/index.ts';
export * from './losses/index.ts';
export * from './tokens/index.ts';
export * from './vision/index.ts';
