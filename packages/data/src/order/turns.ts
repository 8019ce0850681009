/** Which source each sample of a mixture comes from, so that every source has its share at any time. */

/** Weights are rounded to multiples of 2^-26 of their sum, so that counts are exact whole numbers. */
const unit = 2 ** 26;

/** Sources that are left after some decisions. */
type Node = { readonly source: number; readonly weight: number } | Fork;

interface Fork {
  readonly weight: number;
  readonly left: Node;
  readonly right: Node;
  /** The share of the left side, in units. */
  readonly share: number;
}

/** Who has a turn, and how many turns it had before. */
export interface Turn {
  readonly source: number;
  readonly count: number;
}

/**
 * A function of (stream, index) to the source of that sample and the number of samples that this source had in the stream before. Of
 * two sources with weights w and 1 - w, the first has had round(k w) of the first k samples of all streams together, whenever the streams
 * are equally long, and is off by less than three samples in between; of several sources each is off by a few samples. There is no state: each
 * decision divides the sources in two groups, the counts of which are closed formulas (Huffman's tree, so that large shares are decided first).
 *
 * @param weights above 0; only their ratios matter
 * @param streams that take turns; each begins at another phase, so that not all choose the same source at the same time
 */
export function turns(weights: readonly number[], streams: number): (stream: number, index: number) => Turn {
  const root = treeOf(weights);
  const step = goldenStep(streams);
  return (stream, index) => {
    let node = root;
    let count = index;
    let phase = (stream * step) % streams;
    while (!('source' in node)) {
      const before = leftOf(node, count, phase, streams);
      const isLeft = leftOf(node, count + 1, phase, streams) > before;
      count = isLeft ? before : count - before;
      node = isLeft ? node.left : node.right;
      // Streams that agreed in this decision should not agree in the next one too.
      phase = (phase * step + 1) % streams;
    }
    return { source: node.source, count };
  };
}

/**
 * A number without a common factor with the number of streams, whose multiples are spread evenly: the nearest to the golden ratio of it. So
 * the phases of neighboring streams are far apart, and short stretches of an epoch have the sources in proportion too.
 */
function goldenStep(streams: number): number {
  const factor = (a: number, b: number): number => (b === 0 ? a : factor(b, a % b));
  const wanted = Math.round(streams * (Math.sqrt(5) - 1) * 0.5);
  for (let away = 0; away < streams; away++)
    for (const step of [wanted + away, wanted - away]) if (step > 0 && factor(streams, step) === 1) return step;
  return 1;
}

/**
 * How many of the first `count` samples of a stream go to the left: floor(count share + phase), with the phases (v + 1/2) / V of the streams
 * v. Summed over the streams this is round(V count share), by Hermite's identity. In whole numbers, so that it is exact.
 */
function leftOf({ share }: Fork, count: number, phase: number, streams: number): number {
  const high = Math.floor(count / unit);
  const low = count - high * unit;
  const offset = Math.floor(((2 * phase + 1) * unit) / (2 * streams));
  return high * share + Math.floor((low * share + offset) / unit);
}

/** Joins the two lightest groups until one is left. */
function treeOf(weights: readonly number[]): Node {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let groups: Node[] = weights.map((weight, source) => ({ source, weight: weight / total }));
  while (groups.length > 1) {
    groups.sort((a, b) => a.weight - b.weight);
    const [right, left, ...others] = groups as [Node, Node, ...Node[]];
    const weight = left.weight + right.weight;
    groups = [...others, { weight, left, right, share: Math.round((left.weight / weight) * unit) }];
  }
  return groups[0] as Node;
}
