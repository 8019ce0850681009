/** Checks for development: gradients against central differences, modules and training runs against reference numbers. */
export * from './gradcheck/index.ts';
export { layerCases, registerLayers } from './layers.ts';
export * from './reference/index.ts';
