/** The frame of every table: a card that scrolls to the side, with the heading cells on top. */
import type { ComponentChildren } from 'preact';

/** `results`: numbers, to the right. `settings`: texts, to the left, in lines of their own where they are long. */
type TableKind = 'results' | 'settings';

interface TableProps {
  readonly kind: TableKind;
  /** The cells of the heading; missing: there is none. */
  readonly heading?: ComponentChildren;
  /** The rows. */
  readonly children: ComponentChildren;
}

export function Table({ kind, heading, children }: TableProps) {
  return (
    <div class="card scroll">
      <table class={kind}>
        {heading !== undefined && (
          <thead>
            <tr>{heading}</tr>
          </thead>
        )}
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** A cell of the heading with a run's color and name. */
export function RunHeading({
  id,
  name,
  color,
}: {
  readonly id: string;
  readonly name: string;
  readonly color: string;
}) {
  return (
    <th scope="col" title={id}>
      <i class="swatch" style={{ background: color }} />
      {name}
    </th>
  );
}
