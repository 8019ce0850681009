/** What the local servers share: who may ask, the headers of answers, the address to listen on. */
export { type Access, checkAccess, isCrossSite, isKnownHost, isLoopback, knownNames, type Verdict } from './access.ts';
export { commonHeaders, pagePolicy } from './headers.ts';
export { browserAddress, type ListenOptions, listenOn } from './listen.ts';
