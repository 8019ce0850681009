/** The layers of the ziggurat algorithm, from which `HostRandom` draws normal numbers. */
import { exactExp, exactLog } from './exact-math.ts';

export const layers = 256;

/** Where the tail begins, and the area of each layer, for 256 of them (G. Marsaglia, W. W. Tsang: The ziggurat method, 2000). */
export const tailStart = 3.6541528853610088;
const area = 0.004928673233974655;

/**
 * Layers of equal area below exp(-x^2 / 2), the lowest first. Layer k is between the heights k and k + 1 and reaches from 0 to
 * `edges[k]`; the curve enters it at `edges[k + 1]`. The lowest one includes the tail: its edge is where a rectangle of its height and
 * of the same area would end.
 */
function makeZiggurat(): { readonly edges: Float64Array; readonly heights: Float64Array } {
  const edges = new Float64Array(layers + 1);
  const heights = new Float64Array(layers + 1);
  let edge = tailStart;
  let height = exactExp(-0.5 * tailStart * tailStart);
  edges[0] = area / height;
  edges[1] = edge;
  heights[1] = height;
  for (let k = 2; k < layers; k++) {
    height += area / edge;
    edge = Math.sqrt(-2 * exactLog(height));
    heights[k] = height;
    edges[k] = edge;
  }
  heights[layers] = 1;
  return { edges, heights };
}

export const ziggurat = makeZiggurat();
