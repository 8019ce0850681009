/** Checks for development: gradients against central differences; modules, training runs and PyTorch's own tests against its numbers. */
export * from './gradcheck/index.ts';
export { layerCases, registerLayers } from './layers.ts';
export * from './reference/index.ts';
export * from './torchsuite/index.ts';
