// Draws a photo's regions on a canvas: on the page, and in the picture that is exported. No state.

import { css, inkOn } from "./colours.js";
import { outline } from "./contours.js";
import { area } from "./masks.js";
import { colourOf, labelOf } from "./regions.js";
import { maskOf, spotIn } from "./shapes.js";
import { toScreen } from "./view.js";

const DARK = "rgb(20 20 20 / 0.8)";

const paths = new WeakMap();
const spots = new WeakMap();

/** The outline of a shape as a path in pixels of the photo; remembered. */
function pathOf(shape) {
  if (paths.has(shape)) return paths.get(shape);
  const path = new Path2D();
  if (shape.box) {
    const [x0, y0, x1, y1] = shape.box;
    path.rect(x0, y0, x1 - x0, y1 - y0);
  } else {
    const lines = shape.polygon ? [shape.polygon.flat()] : outline(shape.mask);
    for (const line of lines) {
      path.moveTo(line[0], line[1]);
      for (let i = 2; i < line.length; i += 2) path.lineTo(line[i], line[i + 1]);
      path.closePath();
    }
  }
  paths.set(shape, path);
  return path;
}

/** A point inside a shape, for its label; remembered. */
export function spotOf(shape, photo) {
  if (!spots.has(shape)) spots.set(shape, spotIn(maskOf(shape, photo)));
  return spots.get(shape);
}

export function clear(context) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

/** The photo under its regions. */
export function drawPhoto(context, photo, view, ratio) {
  context.setTransform(ratio, 0, 0, ratio, ratio * view.x, ratio * view.y);
  context.imageSmoothingEnabled = view.scale < 4; // near enough, one wants to see the pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(photo.bitmap, 0, 0, photo.width * view.scale, photo.height * view.scale);
}

/**
 * The regions, the large ones first, with their labels.
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number}} photo
 * @param {{region: object, answer?: object, selected?: boolean}[]} items
 * @param {import("./view.js").View} view
 * @param {{ratio?: number, frame: {width: number, height: number}}} options canvas pixels a screen pixel; the frame in
 *   screen pixels
 */
export function drawRegions(context, photo, items, view, { ratio = 1, frame, line = 2 }) {
  const sorted = items
    .map((item) => ({ ...item, size: area(maskOf(item.region.shape, photo)) }))
    .sort((a, b) => Number(Boolean(a.selected)) - Number(Boolean(b.selected)) || b.size - a.size);
  context.save();
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  context.lineJoin = "round";
  for (const { region, answer, selected } of sorted) {
    const path = pathOf(region.shape);
    const colour = colourOf(region);
    const width = (selected ? line * 1.6 : line) / view.scale;
    context.fillStyle = css(colour, selected ? 0.3 : 0.16);
    context.fill(path, "evenodd");
    context.strokeStyle = DARK;
    context.lineWidth = width + 2.5 / view.scale;
    context.stroke(path);
    context.strokeStyle = css(colour);
    context.lineWidth = width;
    // "unsure" is told by a broken line too, for it must not hang on colour or on reading alone
    const unsure = answer?.uncertain && !region.material;
    context.setLineDash(unsure ? [8 / view.scale, 6 / view.scale] : []);
    context.stroke(path);
    context.setLineDash([]);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawLabels(context, photo, sorted.reverse(), view, frame, line);
  context.restore();
}

/** Labels lie on their regions, never on each other; one that finds no free place nearby is left out. */
function drawLabels(context, photo, items, view, frame, line) {
  const size = Math.round(6.5 * line);
  const height = size * 1.65;
  context.font = `600 ${size}px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif`;
  context.textBaseline = "middle";
  const taken = [];
  const placed = [];
  for (const { region, answer } of items) {
    const text = shorten(context, labelOf(region, answer), frame.width - 24);
    const width = context.measureText(text).width + size;
    const spot = toScreen(view, spotOf(region.shape, photo));
    if (spot[0] < 0 || spot[1] < 0 || spot[0] > frame.width || spot[1] > frame.height) continue;
    const box = freePlace(spot, width, height, frame, taken);
    if (!box) continue;
    taken.push(box);
    placed.push({ box, spot, text, colour: colourOf(region) });
  }
  for (const { box, spot, colour } of placed) {
    const [x, y] = [Math.min(Math.max(spot[0], box[0]), box[2]), Math.min(Math.max(spot[1], box[1]), box[3])];
    if (x === spot[0] && y === spot[1]) continue;
    for (const [style, width] of [[DARK, line + 2], [css(colour), line]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(...spot);
      context.stroke();
    }
  }
  for (const { box, text, colour } of placed) {
    context.beginPath();
    context.roundRect(box[0], box[1], box[2] - box[0], height, height / 4);
    context.fillStyle = css(colour);
    context.fill();
    context.strokeStyle = DARK;
    context.lineWidth = 1;
    context.stroke();
    context.fillStyle = inkOn(colour);
    context.fillText(text, box[0] + size / 2, box[1] + height / 2 + 0.5);
  }
}

function freePlace([x, y], width, height, frame, taken) {
  const steps = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5];
  for (const across of [0, 0.6, -0.6]) {
    for (const step of steps) {
      const left = Math.min(Math.max(2, x - width / 2 + across * width), Math.max(2, frame.width - width - 2));
      const top = Math.min(Math.max(2, y - height / 2 + step * height * 1.1), frame.height - height - 2);
      const box = [left, top, left + width, top + height];
      const hits = (other) => box[0] < other[2] + 2 && box[2] > other[0] - 2 && box[1] < other[3] + 2 && box[3] > other[1] - 2;
      if (!taken.some(hits)) return box;
    }
  }
  return null;
}

function shorten(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let short = text.slice(0, 60);
  while (short && context.measureText(`${short}…`).width > room) short = short.slice(0, -1);
  return `${short}…`;
}

/** The photo with its regions, as a picture of its own: no side over 1600 pixels, as the command line draws it. */
export function drawPicture(bitmap, photo, items, makeCanvas) {
  const longest = Math.max(photo.width, photo.height);
  const scale = Math.min(1600 / longest, Math.max(1, 512 / longest));
  const [width, height] = [Math.max(1, Math.round(photo.width * scale)), Math.max(1, Math.round(photo.height * scale))];
  const canvas = makeCanvas(width, height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const line = Math.max(2, Math.max(width, height) / 560);
  drawRegions(context, photo, items, { scale, x: 0, y: 0 }, { frame: { width, height }, line });
  return canvas;
}

/** The points by which a shape can be dragged, or the corners of a polygon that is not finished. */
export function drawHandles(context, points, view, ratio, colour) {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const point of points) {
    const [x, y] = toScreen(view, point);
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fillStyle = "#fff";
    context.fill();
    context.strokeStyle = "#141414";
    context.lineWidth = 4;
    context.stroke();
    context.strokeStyle = css(colour);
    context.lineWidth = 2;
    context.stroke();
  }
}

/** A line through some points that is not closed yet. */
export function drawTrail(context, points, view, ratio, colour) {
  if (points.length < 2) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  points.forEach((point, i) => context[i ? "lineTo" : "moveTo"](...toScreen(view, point)));
  for (const [style, width] of [[DARK, 4.5], [css(colour), 2]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
}

/** The keyboard's crosshair, and the brush's ring. */
export function drawPointer(context, point, view, ratio, { radius = 0, cross = false }) {
  const [x, y] = toScreen(view, point);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const [style, width] of [["#141414", 3.5], ["#fff", 1.5]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    if (radius) context.arc(x, y, Math.max(1, radius * view.scale), 0, 2 * Math.PI);
    if (cross) {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 4 * dx, y + 4 * dy);
        context.lineTo(x + 16 * dx, y + 16 * dy);
      }
    }
    context.stroke();
  }
}
