/** The packages whose exports the reference describes, in the order of the architecture. */
export const rooms = [
  'tensor',
  'autograd',
  'nn',
  'models',
  'data',
  'weights',
  'train',
  'serve',
  'split',
  'http',
  'dashboard',
  'mpi',
  'verify',
  'cli',
] as const;
