// Shapes that people draw, and the masks that they mean. Pure: no DOM, no network.
//
// A shape never changes: a new one takes its place. So its mask, its outline and its answer can be remembered by it.
// A pixel is inside when its centre is; x runs right and y down, in pixels of the photo, as in the service.

import { bounds, contains, fromColumns, toRle } from "./masks.js";

/**
 * @typedef {[number, number]} Point
 * @typedef {{box: number[]} | {polygon: Point[]} | {mask: import("./masks.js").Mask}} Shape
 */

const masks = new WeakMap();

/** The mask of a shape in a photo of {width, height}; remembered. */
export function maskOf(shape, { width, height }) {
  if (shape.mask) return shape.mask;
  if (!masks.has(shape)) {
    masks.set(shape, shape.box ? maskOfBox(shape.box, width, height) : maskOfPolygon(shape.polygon, width, height));
  }
  return masks.get(shape);
}

/** What the service is asked: its own three kinds of region. */
export function toRequest(shape) {
  return shape.mask ? { rle: toRle(shape.mask) } : shape;
}

const firstCentre = (value) => Math.ceil(value - 0.5); // the first pixel whose centre is not before the value

export function maskOfBox([x0, y0, x1, y1], width, height) {
  const runs = [];
  const [left, right] = [Math.max(0, firstCentre(x0)), Math.min(width, firstCentre(x1))];
  for (let x = left; x < right; x++) runs.push([x, firstCentre(y0), firstCentre(y1)]);
  return fromColumns(runs, width, height);
}

/** Even-odd rule; the last point joins the first. */
export function maskOfPolygon(points, width, height) {
  /** @type {Map<number, number[]>} */
  const crossings = new Map();
  points.forEach(([ax, ay], i) => {
    const [bx, by] = points[(i + 1) % points.length];
    const first = Math.max(0, firstCentre(Math.min(ax, bx)));
    const stop = Math.min(width, firstCentre(Math.max(ax, bx)));
    for (let x = first; x < stop; x++) {
      const y = ay + ((x + 0.5 - ax) / (bx - ax)) * (by - ay);
      if (!crossings.has(x)) crossings.set(x, []);
      crossings.get(x).push(y);
    }
  });
  const runs = [];
  for (const x of [...crossings.keys()].sort((a, b) => a - b)) {
    const rows = crossings.get(x).sort((a, b) => a - b);
    for (let i = 0; i + 1 < rows.length; i += 2) runs.push([x, firstCentre(rows[i]), firstCentre(rows[i + 1])]);
  }
  return fromColumns(runs, width, height);
}

/** What a round brush covers on its way from one point to another. It covers one pixel at least. */
export function maskOfStroke([ax, ay], [bx, by], radius, width, height) {
  const length = Math.hypot(bx - ax, by - ay);
  const [nx, ny] = length ? [(-(by - ay) / length) * radius, ((bx - ax) / length) * radius] : [0, 0];
  const sides = [[ax + nx, ay + ny], [bx + nx, by + ny], [bx - nx, by - ny], [ax - nx, ay - ny]];
  const runs = [];
  const left = Math.max(0, firstCentre(Math.min(ax, bx) - radius));
  const right = Math.min(width - 1, firstCentre(Math.max(ax, bx) + radius));
  for (let x = left; x <= right; x++) {
    const centre = x + 0.5;
    let [top, bottom] = [Infinity, -Infinity];
    const reach = (y) => {
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    };
    for (const [cx, cy] of [[ax, ay], [bx, by]]) {
      const half = radius ** 2 - (centre - cx) ** 2;
      if (half >= 0) [cy - Math.sqrt(half), cy + Math.sqrt(half)].forEach(reach);
    }
    sides.forEach(([px, py], i) => {
      const [qx, qy] = sides[(i + 1) % 4];
      if ((px <= centre) !== (qx <= centre)) reach(py + ((centre - px) / (qx - px)) * (qy - py));
    });
    if (bottom > top) runs.push([x, firstCentre(top), firstCentre(bottom)]);
  }
  const mask = fromColumns(runs, width, height);
  if (mask.edges.length) return mask;
  return fromColumns([[Math.floor(bx), Math.floor(by), Math.floor(by) + 1]], width, height);
}

/** A box with its corners in order, inside the photo. */
export function boxOf([ax, ay], [bx, by], { width, height }) {
  const inside = (value, most) => round(Math.min(most, Math.max(0, value)));
  return [
    inside(Math.min(ax, bx), width), inside(Math.min(ay, by), height),
    inside(Math.max(ax, bx), width), inside(Math.max(ay, by), height),
  ];
}

/** A tenth of a pixel is as fine as anybody draws. */
export const round = (value) => Math.round(value * 10) / 10;

/**
 * The same line with fewer points (Douglas and Peucker 1973): none of those left out is further than `tolerance` from it.
 * @param {Point[]} points
 */
export function simplify(points, tolerance) {
  const keep = new Set([0, points.length - 1]);
  const parts = [[0, points.length - 1]];
  while (parts.length) {
    const [first, last] = parts.pop();
    let [farthest, at] = [tolerance, -1];
    for (let i = first + 1; i < last; i++) {
      const away = distance(points[i], points[first], points[last]);
      if (away > farthest) [farthest, at] = [away, i];
    }
    if (at < 0) continue;
    keep.add(at);
    parts.push([first, at], [at, last]);
  }
  return points.filter((_, i) => keep.has(i));
}

/** From a point to the straight line between two others. */
export function distance([x, y], [ax, ay], [bx, by]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = length ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

/** The points by which a shape can be dragged; none where there would be too many to grasp. */
export function handlesOf(shape) {
  if (shape.box) {
    const [x0, y0, x1, y1] = shape.box;
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  }
  return shape.polygon && shape.polygon.length <= 60 ? shape.polygon : [];
}

/** The shape with one of its handles somewhere else. */
export function moveHandle(shape, index, [x, y], photo) {
  if (shape.box) return { box: boxOf([x, y], handlesOf(shape)[(index + 2) % 4], photo) };
  return { polygon: shape.polygon.map((point, i) => (i === index ? [round(x), round(y)] : point)) };
}

/** A box or polygon elsewhere, no part of it outside the photo; null for a mask, which stays where it was painted. */
export function moveShape(shape, [dx, dy], { width, height }) {
  if (shape.mask) return null;
  const points = shape.box ? [shape.box.slice(0, 2), shape.box.slice(2)] : shape.polygon;
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const within = (step, values, most) => Math.max(-Math.min(...values), Math.min(most - Math.max(...values), step));
  const [x, y] = [within(dx, xs, width), within(dy, ys, height)];
  const moved = points.map(([px, py]) => [round(px + x), round(py + y)]);
  return shape.box ? { box: moved.flat() } : { polygon: moved };
}

/** A pixel well inside a mask, for its label: the middle of the longest run down a column near the mask's middle. */
export function spotIn(mask) {
  const box = bounds(mask);
  const centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  if (contains(mask, centre)) return centre;
  let [best, spot] = [-Infinity, centre];
  for (let i = 0; i < mask.edges.length; i += 2) {
    const [start, end] = [mask.edges[i], mask.edges[i + 1]];
    const middle = Math.floor((start + end) / 2);
    const x = Math.floor(middle / mask.height);
    const worth = Math.min(end - start, mask.height) - Math.abs(x - centre[0]) / 4;
    if (worth > best) [best, spot] = [worth, [x + 0.5, (middle % mask.height) + 0.5]];
  }
  return spot;
}
