export { type HandOffBatch, placesOnGrid, sequenceOf } from './batch.ts';
export { type Channel, type ChannelOptions, parseChannel, receive, send } from './channel.ts';
export { BackHalf, FrontHalf, type FrontOptions, type SplitModel, splitModel, UnsplitModel } from './halves.ts';
export {
  checkIdentity,
  type HandOffDType,
  HandOffError,
  type HandOffHeader,
  handOffDTypes,
  handOffVersion,
  type ModelIdentity,
} from './header.ts';
export { identify } from './identity.ts';
export { type ReadHandOffOptions, type ReceivedBatch, type ReceivedHandOff, readHandOff } from './read.ts';
export { writeHandOff } from './write.ts';
