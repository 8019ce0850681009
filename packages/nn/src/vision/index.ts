/** Functions of images and of boxes in them. */
export * from './boxes.ts';
export * from './grid-sample.ts';
export * from './interpolate.ts';
export * from './nms.ts';
export * from './patches.ts';
export { type Pair, pair } from './windows.ts';
