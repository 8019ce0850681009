/** A Vision Transformer in two processes: its two halves, and the stream of tokens between them. */

// The halves of a model.

export { BackHalf, FrontHalf, type FrontOptions, type SplitModel, splitModel, UnsplitModel } from './halves.ts';
export { identify } from './identity.ts';

// The stream: an Arrow IPC stream of tokens.

export { type HandOffBatch, placesOnGrid, sequenceOf } from './stream/batch.ts';
export {
  checkIdentity,
  type HandOffDType,
  HandOffError,
  type HandOffHeader,
  handOffDTypes,
  handOffVersion,
  type ModelIdentity,
} from './stream/header.ts';
export { type ReadHandOffOptions, type ReceivedBatch, type ReceivedHandOff, readHandOff } from './stream/read.ts';
export { writeHandOff } from './stream/write.ts';

// The channel: a file, a pipe or a socket.

export { type Channel, parseChannel } from './channel/address.ts';
export { type ReceiveOptions, receive } from './channel/receive.ts';
export { type SendOptions, send } from './channel/send.ts';
