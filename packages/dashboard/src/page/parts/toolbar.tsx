/** What the reader chooses for all charts: the x-axis, the smoothing, and which charts. */
import type { ComponentChildren } from 'preact';
import type { Axis } from '../../shared/api.ts';
import { go, useAddress } from '../state/address.ts';

const axisLabels: Readonly<Record<Axis, string>> = { step: 'Step', epoch: 'Epoch', time: 'Time', date: 'Date' };

const axisNotes: Readonly<Record<Axis, string>> = {
  step: 'Optimizer steps',
  epoch: 'Passes over the training data',
  time: 'Time spent in training steps, without evaluations and interruptions',
  date: 'Date and time of day',
};

interface ToolbarProps {
  readonly note: string;
  /** What follows the note. */
  readonly children?: ComponentChildren;
}

export function Toolbar({ note, children }: ToolbarProps) {
  const { axis, smoothing, range, charts } = useAddress();
  return (
    <div class="toolbar">
      <fieldset class="segments">
        <legend class="hidden">X-axis</legend>
        {(Object.keys(axisLabels) as Axis[]).map((name) => (
          <label key={name} title={axisNotes[name]}>
            <input type="radio" name="axis" checked={axis === name} onChange={() => go({ axis: name, range: null })} />
            <span>{axisLabels[name]}</span>
          </label>
        ))}
      </fieldset>
      <label class="slider" title="Exponential moving average to both sides, over a part of the chart's width">
        Smoothing
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={smoothing}
          onInput={(event) => go({ smoothing: Number(event.currentTarget.value) })}
        />
        <output>{smoothing.toFixed(2)}</output>
      </label>
      <input
        type="search"
        class="find-charts"
        placeholder="Find charts"
        aria-label="Find charts"
        value={charts}
        onInput={(event) => go({ charts: event.currentTarget.value })}
      />
      {range !== null && (
        <button type="button" class="quiet" onClick={() => go({ range: null })}>
          Show all of the x-axis
        </button>
      )}
      <span class="muted note">{note}</span>
      {children}
    </div>
  );
}
