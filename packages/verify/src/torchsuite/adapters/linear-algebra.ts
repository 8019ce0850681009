/** Products of matrices and vectors, norms, distances, and the algebra of small matrices. */
import {
  blockDiag,
  cartesianProd,
  cdist,
  combinations,
  corrcoef,
  cov,
  dist,
  einsum,
  linalg,
  pdist,
  type Tensor,
  tensordot,
  trilIndices,
  triuIndices,
  vander,
} from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  axesOf,
  call,
  type Given,
  inDType,
  isTensor,
  numberOf,
  optionsOf,
  unsupported,
} from './call.ts';

/** A method of two tensors. */
const product =
  (method: string): Adapter =>
  ([a, b]: readonly Given[]) =>
    a[method](b);

/** beta * input + alpha * (a x b). */
const addProduct = (method: string): Adapter =>
  call('input a b beta alpha', (p) => {
    const { beta = 1, alpha = 1 } = p;
    return p.input[method](p.a, p.b, { beta: numberOf(beta), alpha: numberOf(alpha) });
  });

/** Keywords of norms: `keepdim`, and the dtype that they are computed in. */
const normOptions = ({ keepdim = false, dtype }: Given): Given => ({
  keepdim,
  ...(dtype ? { dtype: dtype.dtype } : {}),
});

const order = (ord: Given): Given => (typeof ord === 'boolean' ? Number(ord) : ord);

/** torch.norm, the old one: of a matrix, too, an order is that of its elements. */
const norm: Adapter = call('input p dim keepdim dtype', ({ input, p = 2, dim, keepdim = false, dtype }) => {
  const x: Tensor = inDType(input, dtype);
  const axes = axesOf(dim);
  const ord = p ?? 2;
  if (ord === 'fro') return linalg.vectorNorm(x, 2, axes, { keepdim });
  if (ord === 'nuc') return linalg.matrixNorm(x, 'nuc', Array.isArray(axes) ? (axes as Given) : [0, 1], { keepdim });
  return x.norm(axes, keepdim, order(ord));
});

const determinants: Adapter = ([matrix]) => {
  const { sign, logabsdet } = linalg.slogdet(matrix);
  return [sign, logabsdet];
};

const cholesky: Adapter = call('input upper', (p) => linalg.cholesky(p.input, optionsOf(p, 'upper')));

/** Matrices and vectors from others. */
const diagonals: Adapters = {
  diag: call('input diagonal', ({ input, diagonal }) => input.diag(diagonal ?? 0)),
  diagonal: call('input offset dim1 dim2', ({ input, offset = 0, dim1 = 0, dim2 = 1 }) =>
    input.diagonal(offset, dim1, dim2),
  ),
  'linalg.diagonal': call('input offset dim1 dim2', ({ input, offset = 0, dim1 = -2, dim2 = -1 }) =>
    input.diagonal(offset, dim1, dim2),
  ),
  diag_embed: call('input offset dim1 dim2', ({ input, offset = 0, dim1 = -2, dim2 = -1 }) =>
    input.diagEmbed(offset, dim1, dim2),
  ),
  diagflat: call('input offset', ({ input, offset = 0 }) => input.diagflat(offset)),
  trace: ([input]) => input.trace(),
  block_diag: (args) => blockDiag(...args.flat().filter(isTensor)),
  tril_indices: call('row col offset dtype', ({ row, col, offset = 0 }) => trilIndices(row, col, offset)),
  triu_indices: call('row col offset dtype', ({ row, col, offset = 0 }) => triuIndices(row, col, offset)),
  vander: call('input N increasing', (p) => vander(p.input, p.N ?? undefined, optionsOf(p, 'increasing'))),
  'linalg.vander': call('input N', ({ input, N }) =>
    input.ndim === 1
      ? vander(input, N ?? undefined, { increasing: true })
      : linalg.vander(input, (N ?? null) === null ? {} : { n: N }),
  ),
};

const products: Adapters = {
  matmul: product('matmul'),
  mm: product('mm'),
  bmm: product('bmm'),
  mv: product('mv'),
  dot: product('dot'),
  vdot: product('vdot'),
  inner: product('inner'),
  kron: product('kron'),
  __rmatmul__: ([a, b]) => b.matmul(a),
  addmm: addProduct('addmm'),
  addmv: addProduct('addmv'),
  addbmm: addProduct('addbmm'),
  baddbmm: addProduct('baddbmm'),
  addr: addProduct('addr'),
  'linalg.multi_dot': ([matrices]) => linalg.multiDot(matrices),
  tensordot: call('a b dims', ({ a, b, dims = 2 }) => tensordot(a, b, dims)),
  einsum: (args) => {
    const equation: string = args.find((value) => typeof value === 'string') ?? '';
    return einsum(equation, ...args.filter((value) => value !== equation).flat());
  },
  cross: call('a b dim', ({ a, b, dim }) => a.cross(b, dim ?? undefined)),
  'linalg.cross': call('a b dim', ({ a, b, dim = -1 }) => linalg.cross(a, b, dim)),
  'linalg.vecdot': call('a b dim', ({ a, b, dim = -1 }) => linalg.vecdot(a, b, dim)),
  cartesian_prod: (args) => cartesianProd(...args.flat().filter(isTensor)),
  combinations: call('input r with_replacement', (p) =>
    combinations(p.input, p.r ?? 2, optionsOf(p, 'with_replacement')),
  ),
};

const norms: Adapters = {
  norm,
  'norm:fro': norm,
  'norm:inf': norm,
  'norm:nuc': norm,
  'linalg.norm': call('input ord dim keepdim dtype', (p) =>
    linalg.norm(p.input, order(p.ord ?? undefined), axesOf(p.dim) as Given, normOptions(p)),
  ),
  'linalg.vector_norm': call('input ord dim keepdim dtype', (p) =>
    linalg.vectorNorm(p.input, order(p.ord ?? 2), axesOf(p.dim), normOptions(p)),
  ),
  'linalg.matrix_norm': call('input ord dim keepdim dtype', (p) =>
    linalg.matrixNorm(p.input, p.ord ?? 'fro', p.dim ?? [-2, -1], normOptions(p)),
  ),
  renorm: ([input, p, dim, maxnorm]) => input.renorm(numberOf(p), dim, numberOf(maxnorm)),
  cdist: call('a b p compute_mode', ({ a, b, p = 2 }) => cdist(a, b, p)),
  'nn.functional.pdist': call('input p', ({ input, p = 2 }) => pdist(input, p)),
  dist: call('a b p', ({ a, b, p = 2 }) => dist(a, b, numberOf(p))),
  cov: call('input correction fweights aweights', (p) => cov(p.input, optionsOf(p, 'correction fweights aweights'))),
  corrcoef: ([input]) => corrcoef(input),
};

const isPlain = (...options: readonly Given[]): boolean =>
  options.every((option) => !option || typeof option === 'number');

const decompositions: Adapters = {
  'linalg.cholesky': cholesky,
  cholesky,
  'linalg.solve': call('A B left', (p) => linalg.solve(p.A, p.B, optionsOf(p, 'left'))),
  'linalg.solve_triangular': call('A B upper left unitriangular', (p) =>
    linalg.solveTriangular(p.A, p.B, optionsOf(p, 'upper left unitriangular') as Given),
  ),
  'linalg.qr': call('A mode', ({ A, mode }) => {
    const { q, r } = linalg.qr(A, mode ?? undefined);
    return [q, r];
  }),
  'linalg.inv': ([matrix]) => linalg.inv(matrix),
  inverse: ([matrix]) => linalg.inv(matrix),
  'linalg.det': ([matrix]) => linalg.det(matrix),
  det: ([matrix]) => linalg.det(matrix),
  'linalg.slogdet': determinants,
  slogdet: determinants,
  'linalg.matrix_power': ([matrix, power]) => linalg.matrixPower(matrix, power),
  'linalg.svd': call('A full_matrices driver', ({ A, full_matrices }) => {
    if (full_matrices !== false && A.shape.at(-1) !== A.shape.at(-2)) unsupported('full matrices of svd');
    const { u, s, vh } = linalg.svd(A);
    return [u, s, vh];
  }),
  'linalg.svdvals': ([matrix]) => linalg.svdvals(matrix),
  'linalg.pinv': call('A rcond rtol atol hermitian', ({ A, rcond, rtol, atol, hermitian }) => {
    if (hermitian || atol || !isPlain(rtol, rcond)) unsupported('options of pinv');
    const tolerance = rtol ?? rcond;
    return linalg.pinv(A, tolerance === undefined ? {} : { rtol: tolerance });
  }),
  'linalg.eigh': call('A UPLO', ({ A, UPLO }) => {
    const { eigenvalues, eigenvectors } = linalg.eigh(A, { upper: UPLO === 'U' });
    return [eigenvalues, eigenvectors];
  }),
  'linalg.eigvalsh': call('A UPLO', ({ A, UPLO }) => linalg.eigvalsh(A, { upper: UPLO === 'U' })),
  'linalg.matrix_rank': call('A tol hermitian atol rtol', (p) => {
    if (p.hermitian || p.tol || p.atol || !isPlain(p.rtol)) unsupported('options of matrix_rank');
    return linalg.matrixRank(p.A, optionsOf(p, 'rtol'));
  }),
  'linalg.cond': call('A p', ({ A, p = 2 }) => linalg.cond(A, p ?? 2)),
  'linalg.lstsq': call('A B rcond driver', ({ A, B }) => linalg.lstsq(A, B)),
};

export const linearAlgebra: Adapters = { ...diagonals, ...products, ...norms, ...decompositions };
