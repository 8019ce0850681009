/** The frame of the page: its header, and the view that the address names. */
import { useEffect } from 'preact/hooks';
import { Problem } from './parts/problem.tsx';
import { freshView, linkTo, useAddress } from './state/address.ts';
import { followLibrary, useLibrary } from './state/library.ts';
import { RunView } from './views/run/view.tsx';
import { RunsView } from './views/runs/view.tsx';
import { SweepView } from './views/sweep/view.tsx';

/** The logo: nine tiles of a mosaic. */
function Mark() {
  const shades = [0.9, 0.45, 0.7, 0.3, 1, 0.55, 0.65, 0.8, 0.4];
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      {shades.map((shade, k) => (
        <rect
          key={`${k % 3} ${Math.floor(k / 3)}`}
          x={(k % 3) * 7}
          y={Math.floor(k / 3) * 7}
          width="6"
          height="6"
          rx="1.2"
          fill="var(--accent)"
          fill-opacity={shade}
        />
      ))}
    </svg>
  );
}

/** The name of what is shown, for the window's title. */
const titleOf = (run: string | null, sweep: string | null): string => run ?? sweep ?? 'Runs';

export function App() {
  const { run, sweep } = useAddress();
  const { data, problem } = useLibrary();
  useEffect(followLibrary, []);
  useEffect(() => {
    document.title = `${titleOf(run, sweep)} · Tessera`;
  }, [run, sweep]);
  const live = data?.runs.filter(({ status }) => status === 'live').length ?? 0;
  return (
    <>
      <header class="top">
        <a class="brand" {...linkTo(freshView)}>
          <Mark /> <span>Tessera</span>
        </a>
        <nav aria-label="Place">
          {run === null && sweep === null ? (
            <span class="muted root">{data?.root}</span>
          ) : (
            <>
              <a {...linkTo(freshView)}>Runs</a>
              <span aria-hidden="true"> / </span>
              <strong>{titleOf(run, sweep)}</strong>
            </>
          )}
        </nav>
        <span class="grow" />
        {live > 0 && (
          <span class="badge live">
            <i class="pulse" /> {live} live
          </span>
        )}
      </header>
      <Problem text={problem} />
      {data === null ? (
        <p class="empty">Looking for runs …</p>
      ) : run !== null ? (
        <RunView id={run} library={data} />
      ) : sweep !== null ? (
        <SweepView id={sweep} library={data} />
      ) : (
        <RunsView library={data} />
      )}
    </>
  );
}
