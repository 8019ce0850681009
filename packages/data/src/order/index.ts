/** Orders of rows without state: the row at a position of an epoch is a function of (rows, seed, epoch, position, settings). */
export { createOrder, type MixturePart, mixtureOrder, type OrderOptions } from './mixture.ts';
export { type Locality, type Order, type ShuffleOptions, sequentialOrder } from './order.ts';
