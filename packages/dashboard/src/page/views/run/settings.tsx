/** The settings of a run and the facts about its machine. */
import { useState } from 'preact/hooks';
import type { RunDetail } from '../../../shared/api.ts';
import { Table } from '../../parts/table.tsx';

type Facts = Readonly<Record<string, string>>;

export function RunSettings({ detail }: { readonly detail: RunDetail | null }) {
  const [find, setFind] = useState('');
  if (detail === null) return <p class="empty">Loading …</p>;
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const found = Object.fromEntries(
    Object.entries(detail.settings).filter(([key, value]) =>
      words.every((word) => `${key} ${value}`.toLowerCase().includes(word)),
    ),
  );
  return (
    <>
      <section>
        <div class="toolbar">
          <input
            type="search"
            placeholder="Find settings"
            aria-label="Find settings"
            value={find}
            onInput={(event) => setFind(event.currentTarget.value)}
          />
          <span class="muted note">config.yaml</span>
        </div>
        <FactTable facts={found} none={find === '' ? 'config.yaml is empty.' : `No setting has “${find}” in it.`} />
      </section>
      <section>
        <h2>Machine and software</h2>
        <FactTable facts={detail.environment} none="The run has written no environment.json yet." />
      </section>
    </>
  );
}

function FactTable({ facts, none }: { readonly facts: Facts; readonly none: string }) {
  const rows = Object.entries(facts);
  if (rows.length === 0) return <p class="empty">{none}</p>;
  return (
    <Table kind="settings">
      {rows.map(([key, value]) => (
        <tr key={key}>
          <th scope="row">{key}</th>
          <td>{value}</td>
        </tr>
      ))}
    </Table>
  );
}
