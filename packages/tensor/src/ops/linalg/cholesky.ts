/** The Cholesky decomposition of small positive definite matrices, column by column. */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { tril } from '../creation.ts';
import {
  batchOf,
  checkSquare,
  columnRange,
  inverted,
  isEmpty,
  minus,
  numberLike,
  plus,
  product,
  rowCount,
  rowRange,
  spread,
  times,
  turned,
} from './matrices.ts';
import { solveTriangular } from './triangular.ts';

/** The lower triangle L with A = L L^T. Only the lower triangle of A is read; NaN where A is not positive definite. */
function lowerFactor(matrix: Node): Node {
  const n = rowCount(matrix);
  const columns: Node[] = [];
  let rest = matrix;
  for (let k = 0; k < n; k++) {
    // `rest` is what is left of rows and columns k and later.
    const column = columnRange(rest, 0, 1);
    const pivot = graph.unary('sqrt', rowRange(column, 0, 1));
    const scaled = graph.materialize(times(column, spread(inverted(pivot), column)));
    const none = batchOf(matrix).map(() => 0);
    columns.push(graph.pad(scaled, [...none, k, 0], [...none, 0, 0]));
    if (k === n - 1) break;
    const below = rowRange(scaled, 1, n - k);
    const corner = rowRange(columnRange(rest, 1, n - k), 1, n - k);
    const outer = times(spread(below, corner), spread(turned(below), corner));
    rest = graph.materialize(minus(corner, outer));
  }
  return graph.concat(columns, matrix.shape.length - 1);
}

/**
 * Differentiated by the closed formula of Murray, "Differentiation of the Cholesky decomposition" (2016): with P = tril(L^T dL), its
 * diagonal halved, dA = L^-T P L^-1, made symmetric.
 */
export function cholesky(matrix: Node, { upper = false }: { readonly upper?: boolean } = {}): Node {
  checkSquare('linalg.cholesky', matrix);
  if (isEmpty(matrix)) return matrix;
  const lower = graph.custom(graph.detach(lowerFactor(graph.detach(matrix))), [matrix], {
    name: 'linalg.cholesky',
    backward: (gradient, _inputs, l) => {
      const inner = product(turned(l), tril(gradient, 0));
      const symmetric = plus(tril(inner, 0), turned(tril(inner, -1)));
      const left = solveTriangular(turned(l), symmetric, { upper: true });
      const both = solveTriangular(l, left, { upper: false, left: false });
      return [times(both, numberLike(0.5, both))];
    },
  });
  return upper ? turned(lower) : lower;
}
