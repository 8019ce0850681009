/** Index arithmetic as text: affine sums over named indices, guards, and flattened indices taken apart. */
import { nth } from '../kernel/nth.ts';
import type { Shape } from '../kernel/shape.ts';
import type { View } from '../kernel/view.ts';
import type { Dialect } from './dialect.ts';

/** `offset + sum(coefficients[k] * names[k])`, without what adds nothing. */
export function affineText(coefficients: readonly number[], names: readonly string[], offset: number): string {
  let text = '';
  coefficients.forEach((coefficient, k) => {
    if (coefficient === 0) return;
    const magnitude = Math.abs(coefficient);
    const term = magnitude === 1 ? nth(names, k) : `${nth(names, k)} * ${magnitude}`;
    if (text === '') text = coefficient < 0 ? `0 - ${term}` : `${term}`;
    else text += coefficient < 0 ? ` - ${term}` : ` + ${term}`;
  });
  if (text === '') return `${offset}`;
  if (offset === 0) return text;
  return offset < 0 ? `${text} - ${-offset}` : `${text} + ${offset}`;
}

/** The condition under which all guards of the view hold; null where there are none. `names` are the view's indices. */
export function guardText({ shape, guards }: View, names: readonly string[]): string | null {
  const conditions = guards.flatMap(({ coefficients, low, high }) => {
    let least = 0;
    let most = 0;
    coefficients.forEach((coefficient, k) => {
      const reach = coefficient * (nth(shape, k) - 1);
      if (reach < 0) least += reach;
      else most += reach;
    });
    const sum = affineText(coefficients, names, 0);
    const above = low > least ? [`(${sum} >= ${low})`] : [];
    const below = high <= most ? [`(${sum} < ${high})`] : [];
    return [...above, ...below];
  });
  return conditions.length === 0 ? null : conditions.join(' && ');
}

/** The position of the view's element. */
export const positionText = ({ strides, offset }: View, names: readonly string[]): string =>
  affineText(strides, names, offset);

/** Statements that name the index along each axis of a box, from its flattened index (row-major). */
export function unravel(dialect: Dialect, flat: string, sizes: Shape, names: readonly string[]): string[] {
  const statements: string[] = [];
  let rest = flat;
  for (let k = sizes.length - 1; k >= 0; k--) {
    // The outermost index is what is left.
    const last = sizes.slice(0, k).every((size) => size === 1);
    statements.push(
      dialect.index(nth(names, k), nth(sizes, k) === 1 ? '0' : last ? rest : dialect.remainder(rest, nth(sizes, k))),
    );
    if (last) {
      for (let outer = k - 1; outer >= 0; outer--) statements.push(dialect.index(nth(names, outer), '0'));
      break;
    }
    if (nth(sizes, k) === 1) continue;
    const name = `${nth(names, k)}_rest`;
    statements.push(dialect.index(name, dialect.quotient(rest, nth(sizes, k))));
    rest = name;
  }
  return statements;
}
