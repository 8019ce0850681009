/** The chart of the loss. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** The weight of a new step in the running mean. */
const weight = 0.1;

const color = (name: string): string => {
  // A canvas needs a resolved color, so the browser resolves the variable of the present color scheme.
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
};

/** A chart of the loss of each step, and of its running mean. */
export class LossChart {
  readonly #element: HTMLElement;
  #steps: number[] = [];
  #losses: number[] = [];
  #means: number[] = [];
  #plot: uPlot;
  #drawing = false;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#plot = this.#create();
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot.destroy();
      this.#plot = this.#create();
    });
  }

  add(step: number, loss: number): void {
    const mean = this.#means.at(-1) ?? loss;
    this.#steps.push(step);
    this.#losses.push(loss);
    this.#means.push(mean + Math.max(weight, 1 / this.#steps.length) * (loss - mean));
    this.#drawSoon();
  }

  clear(): void {
    this.#steps = [];
    this.#losses = [];
    this.#means = [];
    this.#drawSoon();
  }

  /** Draws at the next frame: steps can be faster than frames. */
  #drawSoon(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#plot.setData(this.#data());
    });
  }

  #data(): uPlot.AlignedData {
    return [this.#steps, this.#losses, this.#means];
  }

  #size(): { width: number; height: number } {
    return { width: this.#element.clientWidth, height: this.#element.clientHeight };
  }

  #create(): uPlot {
    const axis: uPlot.Axis = {
      stroke: color('soft'),
      grid: { stroke: color('line'), width: 1 },
      ticks: { stroke: color('line'), width: 1 },
    };
    const series: uPlot.Series[] = [
      { label: 'step' },
      { label: 'loss', stroke: color('accent'), width: 1, alpha: 0.45, points: { show: false } },
      { label: 'running mean', stroke: color('smooth'), width: 2, points: { show: false } },
    ];
    const scales: uPlot.Scales = { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(most, 0.1) * 1.05] } };
    const options = { ...this.#size(), series, scales, axes: [{ ...axis }, { ...axis }], legend: { show: false } };
    return new uPlot(options, this.#data(), this.#element);
  }
}
