/** The settings of the compared runs: first of all those that differ. */
import { useState } from 'preact/hooks';
import { paths, type SettingsRequest, type SettingsResponse } from '../../../shared/api.ts';
import type { ShownRun } from '../../parts/chart-series.ts';
import { Problem } from '../../parts/problem.tsx';
import { RunHeading, Table } from '../../parts/table.tsx';
import { useAnswer } from '../../state/answer.ts';
import { postJson } from '../../state/fetch.ts';
import { differingKeys } from './differences.ts';

/** Numbers without the last digits of their binary form: 0.0014399999999999999 as 0.00144. */
const shortNumber = (text: string): string =>
  /^-?\d+\.\d{12,}(e[+-]?\d+)?$/.test(text) ? String(Number(Number(text).toPrecision(10))) : text;

export function SettingsTable({ runs }: { readonly runs: readonly ShownRun[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const ids = runs.map(({ run }) => run.id);
  const { value, problem } = useAnswer(ids.join('\n'), () =>
    postJson<SettingsRequest, SettingsResponse>(paths.settings, { runs: ids }),
  );
  const settings = new Map(value?.runs.map((one) => [one.id, one.settings]) ?? []);
  const { all, differing } = differingKeys(ids.map((id) => settings.get(id) ?? {}));
  const keys = showsAll ? all : differing;
  return (
    <section>
      <Problem text={problem} />
      <div class="toolbar">
        <label>
          <input type="checkbox" checked={showsAll} onChange={() => setShowsAll(!showsAll)} /> Equal settings, too
        </label>
        <span class="muted note">
          {runs.length < 2
            ? 'Choose several runs to see how they differ.'
            : `${differing.length} of ${all.length} settings differ.`}
        </span>
      </div>
      {keys.length > 0 && (
        <Table
          kind="settings"
          heading={
            <>
              <th scope="col">Setting</th>
              {runs.map(({ run, color }) => (
                <RunHeading key={run.id} id={run.id} name={run.name} color={color} />
              ))}
            </>
          }
        >
          {keys.map((key) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              {runs.map(({ run }) => {
                const text = settings.get(run.id)?.[key];
                return (
                  <td key={run.id} class={text === undefined ? 'muted' : ''} title={text}>
                    {text === undefined ? '–' : shortNumber(text)}
                  </td>
                );
              })}
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
