/** A sweep: its best configuration, parallel coordinates, and a table. */
import { drawCoordinates, formatValue, type SweepResults, smallestWidth } from '@tessera/train/charts';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Library, paths, type SweepDetail } from '../../../shared/api.ts';
import { formatSeconds } from '../../chart/format.ts';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { freshView, linkTo } from '../../state/address.ts';
import { useAnswer } from '../../state/answer.ts';
import { getJson } from '../../state/fetch.ts';

const methods = {
  grid: 'Grid',
  random: 'Random search',
  'successive-halving': 'Successive halving',
} as const satisfies Record<SweepResults['method'], string>;

const settingText = (value: unknown): string => {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** The id of a run of a sweep. */
const runId = (sweep: string, folder: string): string => (sweep === '.' ? folder : `${sweep}/${folder}`);

export function SweepView({ id, library }: { readonly id: string; readonly library: Library }) {
  const summary = library.sweeps.find((sweep) => sweep.id === id);
  const [pointed, setPointed] = useState<number | null>(null);
  const { value, problem } = useAnswer(`${id} ${summary?.version}`, () =>
    getJson<SweepDetail>(paths.sweep, { sweep: id }),
  );
  if (value === null) return problem === null ? <p class="empty">Loading …</p> : <Problem text={problem} />;
  const { results, coordinates } = value;
  const known = new Set(library.runs.map((run) => run.id));
  const ids = results.configurations
    .flatMap(({ runs }) => runs.map(({ folder }) => runId(id, folder)))
    .filter((run) => known.has(run));
  return (
    <main class="single">
      <h1>{results.name}</h1>
      <p class="subtitle">
        {methods[results.method]}
        {results.seed !== null && `, seed ${results.seed}`}; best is the{' '}
        {results.metric.mode === 'max' ? 'largest' : 'smallest'} {results.metric.name}.{' '}
        {summary !== undefined && `${summary.finished} of ${summary.runs} runs are finished. `}
        <a {...linkTo({ ...freshView, runs: ids })}>Compare their curves</a>
      </p>
      <Problem text={problem} />
      {coordinates === null ? (
        <p class="empty">No run has a result yet.</p>
      ) : (
        <Coordinates coordinates={coordinates} pointed={pointed} onPoint={setPointed} />
      )}
      <SweepTable id={id} results={results} pointed={pointed} onPoint={setPointed} known={known} />
    </main>
  );
}

interface PointProps {
  /** Number of the configuration under the pointer; null: none. */
  readonly pointed: number | null;
  onPoint(number: number | null): void;
}

function Coordinates({
  coordinates,
  pointed,
  onPoint,
}: PointProps & { readonly coordinates: NonNullable<SweepDetail['coordinates']> }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const drawn = Math.max(width, smallestWidth(coordinates));
  const { text } = drawCoordinates(coordinates, drawn, 'wide');
  useEffect(() => {
    for (const line of box.current?.querySelectorAll<SVGElement>('[data-configuration]') ?? []) {
      line.style.setProperty('--share', `${line.dataset.share}%`);
      line.classList.toggle('on', line.dataset.configuration === String(pointed));
    }
    box.current?.classList.toggle('pointing', pointed !== null);
  }, [text, pointed]);
  const point = ({ target }: MouseEvent): void => {
    const number = (target as Element).closest<SVGElement>('[data-configuration]')?.dataset.configuration;
    onPoint(number === undefined ? null : Number(number));
  };
  const [worst, best] = coordinates.range;
  return (
    <section>
      <h2>Settings and results</h2>
      <div class="card sweep">
        <p class="muted note">
          Worst {worst} <i class="ramp" /> best {best}
        </p>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the table below has the same configurations, by keyboard. */}
        {/* biome-ignore lint/a11y/useKeyWithMouseEvents: see above. */}
        <div
          ref={box}
          class="scroll"
          onMouseOver={point}
          onMouseLeave={() => onPoint(null)}
          // The drawing escapes every name and value.
          dangerouslySetInnerHTML={{ __html: text }}
        />
      </div>
    </section>
  );
}

interface SweepTableProps extends PointProps {
  readonly id: string;
  readonly results: SweepResults;
  readonly known: ReadonlySet<string>;
}

function SweepTable({ id, results, pointed, onPoint, known }: SweepTableProps) {
  const { parameters, configurations, metric } = results;
  return (
    <section>
      <h2>Configurations</h2>
      <Table
        kind="results"
        heading={
          <>
            <th scope="col">Rank</th>
            {parameters.map(({ key, label }) => (
              <th scope="col" key={key} title={key}>
                {label}
              </th>
            ))}
            <th scope="col">{metric.name}</th>
            <th scope="col">Epochs</th>
            <th scope="col">Runs, by seed</th>
            <th scope="col">Time</th>
          </>
        }
      >
        {configurations.map((one) => (
          <tr
            key={one.number}
            class={pointed === one.number ? 'on' : ''}
            onMouseEnter={() => onPoint(one.number)}
            onMouseLeave={() => onPoint(null)}
            onFocusIn={() => onPoint(one.number)}
          >
            <th scope="row">{one.rank}</th>
            {parameters.map(({ key }) => (
              <td key={key}>{settingText(one.settings[key])}</td>
            ))}
            <td class={one.rank === 1 && one.mean !== null ? 'best' : ''}>
              {formatValue(one.mean, 'number')}
              {one.std !== null && <span class="muted at">± {formatValue(one.std, 'number', 2)}</span>}
            </td>
            <td>{one.epochs}</td>
            <td>
              {one.runs.map(({ seed, folder, value, status, message }) => {
                const run = runId(id, folder);
                const text = value === null ? status : formatValue(value, 'number');
                return known.has(run) ? (
                  <a
                    key={folder}
                    class="seed"
                    {...linkTo({ ...freshView, run })}
                    title={message ?? `seed ${seed}: ${status}`}
                  >
                    {text}
                  </a>
                ) : (
                  <span key={folder} class="seed muted" title={message ?? `seed ${seed}: ${status}`}>
                    {text}
                  </span>
                );
              })}
            </td>
            <td>{formatSeconds(one.seconds)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
