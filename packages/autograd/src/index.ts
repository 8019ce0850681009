/** Reverse-mode differentiation of lazy tensors, and checks of derivatives. */
export { noGrad } from '@tessera/tensor';
export { detectAnomaly } from './anomaly.ts';
export { type BackwardOptions, backward } from './backward.ts';
export { checkpoint } from './checkpoint.ts';
export { type CustomBackward, customGradient } from './custom.ts';
export { type CustomKernelDefinition, customKernel } from './custom-kernel.ts';
export { jvp, type TensorFunction, valueAndGrad, vjp } from './functional.ts';
export { type GradOptions, grad } from './grad.ts';
export {
  adjointCheck,
  type CheckedFunction,
  GradcheckError,
  type GradcheckOptions,
  type GradcheckReport,
  gradcheck,
  gradgradcheck,
} from './gradcheck.ts';
export { absoluteError, relativeError } from './relative-error.ts';
export { whenWalkEnds } from './walk.ts';
