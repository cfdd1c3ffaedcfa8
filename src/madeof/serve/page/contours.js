// The outline of a mask, along the edges of its pixels. Pure.

import { columns } from "./masks.js";

/**
 * Closed lines around a mask and around its holes. Filled by the even-odd rule they give it back exactly.
 * @param {import("./masks.js").Mask} mask
 * @returns {number[][]} of each line its corners: x, y, x, y, ...
 */
export function outline(mask) {
  const key = (x, y) => x * (mask.height + 1) + y;
  /** @type {Map<number, number[]>} where one goes from each corner: one way, or two where regions touch at a corner */
  const ways = new Map();
  const go = (fromX, fromY, toX, toY) => {
    const from = key(fromX, fromY);
    if (ways.has(from)) ways.get(from).push(key(toX, toY));
    else ways.set(from, [key(toX, toY)]);
  };

  let before = [];
  let column = -2;
  const finish = (x, after) => {
    for (const [top, bottom] of outsideOf(after, before)) go(x, bottom, x, top);
    for (const [top, bottom] of outsideOf(before, after)) go(x, top, x, bottom);
    before = after;
  };
  let runs = [];
  for (const [x, top, bottom] of columns(mask)) {
    if (x !== column) {
      finish(column, runs);
      if (x !== column + 1) finish(column + 1, []);
      [column, runs] = [x, []];
    }
    runs.push([top, bottom]);
    go(x, top, x + 1, top);
    go(x + 1, bottom, x, bottom);
  }
  finish(column, runs);
  finish(column + 1, []);
  return trace(ways, mask.height + 1);
}

/** The parts of some runs of a column that are in none of the others. */
function outsideOf(runs, others) {
  const parts = [];
  let j = 0;
  for (const [top, bottom] of runs) {
    let at = top;
    while (j < others.length && others[j][1] <= at) j++;
    for (let k = j; k < others.length && others[k][0] < bottom; k++) {
      if (others[k][0] > at) parts.push([at, others[k][0]]);
      at = Math.max(at, others[k][1]);
    }
    if (at < bottom) parts.push([at, bottom]);
  }
  return parts;
}

/** Follow the ways until none is left; corners on a straight line are dropped. */
function trace(ways, side) {
  const lines = [];
  for (const start of ways.keys()) {
    while (ways.has(start)) {
      const line = [];
      let at = start;
      do {
        const [x, y] = [Math.floor(at / side), at % side];
        const n = line.length;
        const straight =
          n >= 4 && ((line[n - 2] === x && line[n - 4] === x) || (line[n - 1] === y && line[n - 3] === y));
        if (straight) line.splice(n - 2, 2, x, y);
        else line.push(x, y);
        const next = ways.get(at);
        const to = next.pop();
        if (!next.length) ways.delete(at);
        at = to;
      } while (at !== start);
      lines.push(line);
    }
  }
  return lines;
}
