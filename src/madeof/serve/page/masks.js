// Masks as lists of runs, and what can be done with them. Pure: no DOM, no network.
//
// A mask holds the positions at which one enters and leaves the region, going down the first column of the photo, then
// down the second: [in, out, in, out, ...], strictly ascending. Position = x * height + y, as in COCO's run lengths.
// A brush stroke on a photo of 12 megapixels is some thousand numbers instead of 12 million.

/** @typedef {{width: number, height: number, edges: readonly number[]}} Mask */

/** @returns {Mask} */
export function emptyMask(width, height) {
  return { width, height, edges: [] };
}

export function isEmpty(mask) {
  return mask.edges.length === 0;
}

export const union = (a, b) => combine(a, b, (inA, inB) => inA || inB);
export const subtract = (a, b) => combine(a, b, (inA, inB) => inA && !inB);
export const intersect = (a, b) => combine(a, b, (inA, inB) => inA && inB);

/** The mask of all positions for which `keep(in a, in b)` is true; keep(false, false) has to be false. */
function combine(a, b, keep) {
  const edges = [];
  let [i, j] = [0, 0];
  let inside = false;
  while (i < a.edges.length || j < b.edges.length) {
    const position = Math.min(a.edges[i] ?? Infinity, b.edges[j] ?? Infinity);
    if (a.edges[i] === position) i++;
    if (b.edges[j] === position) j++;
    if (keep(i % 2 === 1, j % 2 === 1) !== inside) {
      edges.push(position);
      inside = !inside;
    }
  }
  return { width: a.width, height: a.height, edges };
}

/**
 * A mask from runs down its columns, in order.
 * @param {Iterable<[number, number, number]>} runs column x, first row, and the row after the last; clipped to the photo
 */
export function fromColumns(runs, width, height) {
  const edges = [];
  for (const [x, top, bottom] of runs) {
    if (x < 0 || x >= width) continue;
    const start = x * height + Math.max(0, top);
    const end = x * height + Math.min(height, bottom);
    if (end <= start) continue;
    if (edges.length && edges[edges.length - 1] >= start) edges[edges.length - 1] = Math.max(edges.at(-1), end);
    else edges.push(start, end);
  }
  return { width, height, edges };
}

/** The runs down the columns of a mask: [x, first row, row after the last]. */
export function* columns(mask) {
  for (let i = 0; i < mask.edges.length; i += 2) {
    let [start, end] = [mask.edges[i], mask.edges[i + 1]];
    while (start < end) {
      const x = Math.floor(start / mask.height);
      const stop = Math.min(end, (x + 1) * mask.height);
      yield [x, start - x * mask.height, stop - x * mask.height];
      start = stop;
    }
  }
}

/** In pixels. */
export function area(mask) {
  let sum = 0;
  for (let i = 0; i < mask.edges.length; i += 2) sum += mask.edges[i + 1] - mask.edges[i];
  return sum;
}

/** x0, y0, x1, y1 around the mask, the last two one past it; null where it is empty. */
export function bounds(mask) {
  if (isEmpty(mask)) return null;
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  for (const [x, top, bottom] of columns(mask)) {
    x0 = Math.min(x0, x);
    x1 = Math.max(x1, x + 1);
    y0 = Math.min(y0, top);
    y1 = Math.max(y1, bottom);
  }
  return [x0, y0, x1, y1];
}

/** Whether the pixel that holds the point is inside. */
export function contains(mask, [x, y]) {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= mask.width || row >= mask.height) return false;
  const position = column * mask.height + row;
  let [low, high] = [0, mask.edges.length]; // the number of edges at or before the position
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mask.edges[middle] <= position) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}

/** Paint a value over the mask in a picture of one byte a pixel, row by row. */
export function paint(mask, pixels, value) {
  for (const [x, top, bottom] of columns(mask)) {
    for (let y = top; y < bottom; y++) pixels[y * mask.width + x] = value;
  }
}

/** The lengths of COCO's runs, of outside and inside in turn, outside first. */
export function toCounts(mask) {
  const counts = [];
  let last = 0;
  for (const edge of mask.edges) {
    counts.push(edge - last);
    last = edge;
  }
  if (last < mask.width * mask.height) counts.push(mask.width * mask.height - last);
  return counts;
}

export function fromCounts(counts, width, height) {
  const edges = [];
  let position = 0;
  counts.forEach((count, i) => {
    const start = position;
    position += count;
    if (i % 2 === 0 || count === 0) return;
    if (edges.at(-1) === start) edges[edges.length - 1] = position; // a run of no length lay between
    else edges.push(start, position);
  });
  return { width, height, edges };
}

/** COCO's compressed run lengths as the service takes and gives them: {size: [height, width], counts: text}. */
export function toRle(mask) {
  const counts = toCounts(mask);
  let text = "";
  counts.forEach((count, i) => {
    let rest = i > 2 ? count - counts[i - 2] : count;
    let more = true;
    while (more) {
      let digit = rest & 0x1f;
      rest >>= 5;
      more = digit & 0x10 ? rest !== -1 : rest !== 0;
      if (more) digit |= 0x20;
      text += String.fromCharCode(digit + 48);
    }
  });
  return { size: [mask.height, mask.width], counts: text };
}

export function fromRle({ size: [height, width], counts: text }) {
  const counts = [];
  for (let at = 0; at < text.length; ) {
    let [value, shift] = [0, 0];
    let digit;
    do {
      digit = text.charCodeAt(at++) - 48;
      value |= (digit & 0x1f) << shift;
      shift += 5;
    } while (digit & 0x20);
    if (digit & 0x10 && shift < 32) value |= -1 << shift;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
  }
  return fromCounts(counts, width, height);
}
