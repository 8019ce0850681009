/** The results of a run: the sections of its report, in a frame that can read neither this page nor the server. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { paths, type RunSummary } from '../../../shared/api.ts';
import { urlOf } from '../../state/fetch.ts';

interface ReportProps {
  readonly run: RunSummary;
  /** When it was written; null: there is none yet. */
  readonly written: number | null;
  readonly isKnown: boolean;
}

export function Report({ run, written, isKnown }: ReportProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(900);
  useEffect(() => {
    const listen = ({ source, data }: MessageEvent): void => {
      if (source === frame.current?.contentWindow && typeof data?.reportHeight === 'number')
        setHeight(Math.min(60_000, Math.max(200, Math.ceil(data.reportHeight))));
    };
    addEventListener('message', listen);
    return () => removeEventListener('message', listen);
  }, []);
  if (written === null)
    return (
      <p class="empty">
        {isKnown ? 'There is no report yet: a run writes it after an evaluation, and at its end.' : 'Loading …'}
      </p>
    );
  const address = urlOf(paths.report, { run: run.id, version: String(written) });
  return (
    <section>
      <p class="muted note">
        Retrieval, confusion, embeddings and histograms, as of {new Date(written).toLocaleString('en-GB')}.{' '}
        <a href={address} target="_blank" rel="noreferrer">
          The whole report
        </a>
      </p>
      <iframe
        ref={frame}
        class="report"
        title={`results of ${run.name}`}
        sandbox="allow-scripts allow-popups"
        src={`${address}#results`}
        style={{ height: `${height}px` }}
      />
    </section>
  );
}
