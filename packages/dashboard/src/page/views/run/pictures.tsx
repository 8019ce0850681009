/** The pictures in a run's folder: training samples, retrieval, attention, and whatever else it has written. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Picture, paths, type RunSummary } from '../../../shared/api.ts';
import { formatAgo } from '../../chart/format.ts';
import { urlOf } from '../../state/fetch.ts';

interface PicturesProps {
  readonly run: RunSummary;
  /** Null before they are known. */
  readonly pictures: readonly Picture[] | null;
}

/** A file's name in words. */
const titleOf = (name: string): string =>
  name
    .replace(/^samples\//, '')
    .replace(/\.\w+$/, '')
    .replaceAll(/[-_]+/g, ' ');

/** The version keeps the browser from showing an older picture of the same name. */
const addressOf = (run: string, { name, changed }: Picture): string =>
  urlOf(paths.picture, { run, name, version: String(Math.round(changed)) });

export function Pictures({ run, pictures }: PicturesProps) {
  const [open, setOpen] = useState<string | null>(null);
  if (pictures === null) return <p class="empty">Loading …</p>;
  if (pictures.length === 0)
    return (
      <p class="empty">
        There are no pictures yet. A run writes samples of its training data at its beginning, and examples after an
        evaluation; <code>npm run attention</code> adds pictures of attention.
      </p>
    );
  const shown = pictures.find(({ name }) => name === open) ?? null;
  return (
    <section>
      <ul class="pictures">
        {pictures.map((picture) => (
          <li class="card" key={picture.name}>
            <button type="button" onClick={() => setOpen(picture.name)}>
              <img src={addressOf(run.id, picture)} alt={titleOf(picture.name)} loading="lazy" />
            </button>
            <div>{titleOf(picture.name)}</div>
            <div class="muted">
              {picture.name}, {formatAgo(picture.changed, Date.now())}
            </div>
          </li>
        ))}
      </ul>
      {shown !== null && <LargePicture run={run.id} picture={shown} onClose={() => setOpen(null)} />}
    </section>
  );
}

interface LargePictureProps {
  readonly run: string;
  readonly picture: Picture;
  onClose(): void;
}

function LargePicture({ run, picture, onClose }: LargePictureProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="large-picture" onClose={onClose} aria-label={titleOf(picture.name)}>
      <form method="dialog">
        <strong>{titleOf(picture.name)}</strong>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </form>
      <div class="scroll">
        <img src={addressOf(run, picture)} alt={titleOf(picture.name)} />
      </div>
    </dialog>
  );
}
