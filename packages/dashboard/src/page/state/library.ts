/** The runs and sweeps, kept up to date by the server's events. */
import { type Library, type LibraryChange, paths, type RunSummary } from '../../shared/api.ts';
import { getJson } from './fetch.ts';
import { Store, useStore } from './store.ts';

interface LibraryState {
  /** Null before it has arrived. */
  readonly data: Library | null;
  /** Why the runs cannot be shown, or are out of date; null: nothing is wrong. */
  readonly problem: string | null;
}

const library = new Store<LibraryState>({ data: null, problem: null });

const byAge = (a: RunSummary, b: RunSummary): number => a.started - b.started || a.id.localeCompare(b.id);

/** A library after a change. */
export function changed(before: Library, { runs, removed, sweeps }: LibraryChange): Library {
  const gone = new Set(removed);
  const fresh = new Map(runs.map((run) => [run.id, run]));
  const kept = before.runs.filter(({ id }) => !gone.has(id)).map((run) => fresh.get(run.id) ?? run);
  const known = new Set(kept.map(({ id }) => id));
  return {
    ...before,
    runs: [...kept, ...runs.filter(({ id }) => !known.has(id) && !gone.has(id))].sort(byAge),
    sweeps: sweeps ?? before.sweeps,
  };
}

async function load(): Promise<void> {
  try {
    library.value = { data: await getJson<Library>(paths.library), problem: null };
  } catch (error) {
    library.value = { ...library.value, problem: (error as Error).message };
  }
}

/** Loads the library, and follows it from then on. */
export function followLibrary(): void {
  void load();
  const events = new EventSource(paths.events);
  let isFirst = true;
  // After a lost connection, changes may have been missed.
  events.onopen = () => {
    if (!isFirst) void load();
    isFirst = false;
  };
  // A page that nobody sees is not drawn: on the machine that trains, that would take time from the run.
  let unseen: Library | null = null;
  events.onmessage = ({ data }) => {
    const before = unseen ?? library.value.data;
    if (before === null) return;
    const next = changed(before, JSON.parse(data as string) as LibraryChange);
    if (document.hidden) unseen = next;
    else library.value = { data: next, problem: null };
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || unseen === null) return;
    library.value = { data: unseen, problem: null };
    unseen = null;
  });
  events.addEventListener('problem', ({ data }) => {
    library.value = { ...library.value, problem: (JSON.parse(data as string) as { error: string }).error };
  });
  events.onerror = () => {
    library.value = { ...library.value, problem: 'The dashboard has stopped, or cannot be reached. Trying again …' };
  };
}

export const useLibrary = (): LibraryState => useStore(library);
