/** Linear algebra of small matrices. */
export { cholesky } from './cholesky.ts';
export { type Eigh, eigh, pinv, type Svd, singularValues, svd } from './jacobi.ts';
export { type QrFactors, type QrMode, qr } from './qr.ts';
export { determinant, inverse, matrixPower, slogdet, solve } from './systems.ts';
export { solveTriangular, type TriangularOptions } from './triangular.ts';
