/** Progress of a command, in a terminal or a log. */
import { styleText } from 'node:util';

/** Seconds between lines if the output is not a terminal. */
const plainInterval = 5;
const cells = 24;
/** Terminals with fewer columns show only the text. */
const narrowest = 60;

/** The number of updates after the first before the remaining time is estimated. */
const updatesBeforeEstimate = 4;

/** With fewer updates, the estimate is a median, so that single slow ones among them, which compile too, do not count. */
const updatesBeforeMean = 32;
/** Updates that are remembered; when there are more, every second one is forgotten. */
const mostSamples = 512;

interface Sample {
  readonly fraction: number;
  readonly seconds: number;
}

/** Seconds for the whole, at the speed between two samples. */
const rateBetween = (from: Sample, to: Sample): number => (to.seconds - from.seconds) / (to.fraction - from.fraction);

/**
 * Estimates the remaining time from the updates after the first, so that neither the preparations nor a first step that compiles counts,
 * nor what an earlier process did. The speed is that of the later half of the updates, with the pauses between them: the first steps may
 * be slower than the others, or faster.
 */
class RemainingTime {
  #samples: Sample[] = [];
  #stride = 1;
  #updates = 0;

  /** In seconds; null while there are too few updates. */
  update(fraction: number, seconds: number): number | null {
    const latest = { fraction, seconds };
    if (fraction < (this.#samples.at(-1)?.fraction ?? 0)) {
      this.#samples = [];
      this.#updates = 0;
      this.#stride = 1;
    }
    const samples = this.#samples;
    if (fraction > (samples.at(-1)?.fraction ?? Number.NEGATIVE_INFINITY) && this.#updates++ % this.#stride === 0)
      samples.push(latest);
    if (samples.length > mostSamples) {
      this.#samples = samples.filter((_, k) => k % 2 === 0);
      this.#stride *= 2;
    }
    if (this.#updates <= updatesBeforeEstimate) return null;
    return this.#rate(latest) * (1 - fraction);
  }

  #rate(latest: Sample): number {
    const samples = this.#samples;
    if (samples.length > updatesBeforeMean) return rateBetween(samples[samples.length >> 1] as Sample, latest);
    const rates = samples.slice(1).map((sample, k) => rateBetween(samples[k] as Sample, sample));
    return rates.sort((a, b) => a - b)[(rates.length - 1) >> 1] as number;
  }
}

/** A line that is redrawn in a terminal; elsewhere a new line every few seconds, and one at the end. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #started = performance.now();
  #lastPlain = Number.NEGATIVE_INFINITY;
  #shown = false;
  #lastText = '';
  #remaining = new RemainingTime();

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** @param fraction from 0 to 1 @param facts texts that are shown next to the bar */
  update(fraction: number, facts: readonly string[]): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const remaining = this.#remaining.update(fraction, seconds);
    const left = remaining === null ? [] : [`${formatSeconds(remaining)} left`];
    const text = [...facts, ...(fraction < 1 ? left : [formatSeconds(seconds)])].join('  ');
    const share = `${Math.floor(fraction * 100)
      .toString()
      .padStart(3)} %`;
    this.#lastText = `${share}  ${text}`;
    if (this.#stream.isTTY) {
      // One column stays free: a full line would wrap in some terminals.
      const room = Math.max(0, (this.#stream.columns ?? 100) - 1);
      const barRoom = room >= narrowest ? cells + 1 : 0;
      this.#stream.write(
        `\r\x1b[2K${barRoom > 0 ? `${this.#bar(fraction)} ` : ''}${this.#lastText.slice(0, room - barRoom)}`,
      );
      this.#shown = true;
    } else if (seconds - this.#lastPlain >= plainInterval) {
      this.#lastPlain = seconds;
      this.#stream.write(`${this.#lastText}\n`);
    }
  }

  #bar(fraction: number): string {
    const full = Math.round(fraction * cells);
    return (
      styleText('cyan', '█'.repeat(full), { stream: this.#stream }) +
      styleText('dim', '░'.repeat(cells - full), { stream: this.#stream })
    );
  }

  /** Writes a line without disturbing the bar. */
  message(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  /** Leaves the bar as it is, and starts a new one. */
  finish(): void {
    if (this.#stream.isTTY && this.#shown) this.#stream.write('\n');
    else if (this.#lastText !== '' && !this.#stream.isTTY) this.#stream.write(`${this.#lastText}\n`);
    this.#shown = false;
    this.#lastText = '';
    this.#remaining = new RemainingTime();
    this.#started = performance.now();
    this.#lastPlain = Number.NEGATIVE_INFINITY;
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[2K');
    this.#shown = false;
  }
}

/** 75 as 1:15, 3675 as 1:01:15. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = (value: number): string => value.toString().padStart(2, '0');
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}
