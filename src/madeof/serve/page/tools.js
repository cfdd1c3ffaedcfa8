// The drawing tools. Each is told where the pointer goes, in pixels of the photo, and says what shape there is so far.
// They know neither the DOM nor the network: a mouse, a finger, and the keyboard's crosshair all drive them.
//
// host.photo          {width, height}
// host.near           how many pixels of the photo a finger may miss by
// host.radius         of the brush, in pixels of the photo
// host.selected()     the shape of the region that is chosen, or null
// host.draft(shape)   show this shape, and ask what it is made of; null for none
// host.commit(shape)  the shape is finished
// host.pick(point), host.replace(shape), host.pan(point, start), host.click(point): see stage.js
//
// `mode` is "new", "add" (Shift) or "subtract" (Alt): what becomes of the region that is chosen.

import { isEmpty, subtract, union } from "./masks.js";
import {
  boxOf, handlesOf, maskOf, maskOfStroke, moveHandle, moveShape, round, simplify,
} from "./shapes.js";

/** How a shape and the chosen region become one. null where nothing is left. */
export function joined(selected, shape, mode, photo) {
  if (mode === "new" || !selected) return mode === "subtract" ? null : shape;
  const change = mode === "add" ? union : subtract;
  const mask = change(maskOf(selected, photo), maskOf(shape, photo));
  return isEmpty(mask) ? null : { mask };
}

/** The nearest point inside the photo: what hangs over its edge is cut off anyway. */
const inside = ([x, y], { width, height }) => [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];

const usable = (shape, photo) => (shape && !isEmpty(maskOf(shape, photo)) ? shape : null);

class Tool {
  drags = true; // pressed, moved and released; else it is clicked
  busy = false; // in the middle of a shape
  constructor(host) {
    this.host = host;
  }
  down() {}
  move() {}
  up() {}
  /** Give up what is being drawn; whether there was anything. */
  cancel() {
    const busy = this.busy;
    this.busy = false;
    this.host.draft(null);
    return busy;
  }
}

class Box extends Tool {
  down(point) {
    this.busy = true;
    this.start = point;
  }
  move(point) {
    if (this.busy) this.host.draft(this.#shape(point));
  }
  up(point) {
    if (!this.busy) return;
    this.busy = false;
    this.host.commit(this.#shape(point));
  }
  #shape(point) {
    return usable({ box: boxOf(this.start, point, this.host.photo) }, this.host.photo);
  }
}

class Lasso extends Tool {
  down(point) {
    this.busy = true;
    this.points = [inside(point, this.host.photo)];
  }
  move(point) {
    if (!this.busy) return;
    const [x, y] = this.points.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < this.host.near / 6) return;
    this.points.push(inside(point, this.host.photo));
    this.host.draft(this.#shape());
  }
  up(point) {
    if (!this.busy) return;
    this.busy = false;
    this.points.push(inside(point, this.host.photo));
    this.host.commit(this.#shape());
  }
  #shape() {
    if (this.points.length < 3) return null;
    const points = simplify(this.points, this.host.near / 12).map((point) => point.map(round));
    return points.length < 3 ? null : usable({ polygon: points }, this.host.photo);
  }
}

class Polygon extends Tool {
  drags = false;
  points = [];
  down(at) {
    const point = inside(at, this.host.photo);
    const [first, last] = [this.points[0], this.points.at(-1)];
    const close = (other) => other && Math.hypot(point[0] - other[0], point[1] - other[1]) <= this.host.near;
    if (this.points.length >= 3 && (close(first) || close(last))) return this.finish();
    if (!close(last)) this.points.push(point.map(round));
    this.busy = true;
    this.move(point);
  }
  move(point) {
    if (!this.busy) return;
    const points = [...this.points, inside(point, this.host.photo).map(round)];
    const shape = points.length >= 3 ? usable({ polygon: points }, this.host.photo) : null;
    this.host.draft(shape, points);
  }
  /** Close it; with fewer than three points there is nothing to close. */
  finish() {
    if (this.points.length < 3) return;
    const shape = usable({ polygon: this.points }, this.host.photo);
    [this.points, this.busy] = [[], false];
    this.host.commit(shape);
  }
  /** Take the last point back. */
  back() {
    const point = this.points.pop();
    this.busy = this.points.length > 0;
    if (this.busy) this.move(point);
    else this.host.draft(null);
  }
  cancel() {
    this.points = [];
    return super.cancel();
  }
}

/** The brush adds to the chosen region, or starts one; the eraser takes away from it. */
class Brush extends Tool {
  constructor(host, erase) {
    super(host);
    this.erase = erase;
  }
  down(point, mode) {
    const selected = this.host.selected();
    const erase = this.erase || mode === "subtract";
    if (erase && !selected) return;
    this.busy = true;
    this.change = erase ? subtract : union;
    this.mask = selected ? maskOf(selected, this.host.photo) : null;
    this.last = point;
    this.move(point);
  }
  move(point) {
    if (!this.busy) return;
    const { width, height } = this.host.photo;
    const stroke = maskOfStroke(this.last, point, this.host.radius, width, height);
    this.mask = this.mask ? this.change(this.mask, stroke) : stroke;
    this.last = point;
    this.host.draft(isEmpty(this.mask) ? null : { mask: this.mask }, [], true);
  }
  up(point) {
    if (!this.busy) return;
    this.move(point);
    this.busy = false;
    this.host.replace(isEmpty(this.mask) ? null : { mask: this.mask });
  }
}

/** Click to select: the service finds the region around a point. */
class Select extends Tool {
  drags = false;
  down(point, mode) {
    this.host.click(inside(point, this.host.photo), mode);
  }
}

/** Choose a region, move it, drag its corners; drag the photo where there is none. */
class Edit extends Tool {
  down(point) {
    this.busy = true;
    this.start = point;
    const shape = this.host.selected();
    const near = (handle) => Math.hypot(handle[0] - point[0], handle[1] - point[1]) <= this.host.near;
    this.handle = shape ? handlesOf(shape).findIndex(near) : -1;
    this.shape = this.handle >= 0 ? shape : this.host.pick(point);
    this.moved = null;
  }
  move(point) {
    if (!this.busy) return;
    if (!this.shape) return this.host.pan(point, this.start);
    const step = [point[0] - this.start[0], point[1] - this.start[1]];
    if (!this.moved && Math.hypot(...step) < this.host.near / 3) return;
    const { photo } = this.host;
    const shape = this.handle >= 0 ? moveHandle(this.shape, this.handle, point, photo) : moveShape(this.shape, step, photo);
    this.moved = usable(shape, photo) ?? this.moved;
    if (this.moved) this.host.draft(this.moved, [], true);
  }
  up() {
    if (!this.busy) return;
    this.busy = false;
    if (this.moved) this.host.replace(this.moved);
    else this.host.draft(null);
  }
}

export const TOOLS = {
  edit: (host) => new Edit(host),
  box: (host) => new Box(host),
  polygon: (host) => new Polygon(host),
  lasso: (host) => new Lasso(host),
  brush: (host) => new Brush(host, false),
  eraser: (host) => new Brush(host, true),
  select: (host) => new Select(host),
};

/** Which of some shapes is meant by a point: the smallest one that holds it; -1 for none. */
export function pickShape(shapes, point, photo, areaOf, contains) {
  let [least, best] = [Infinity, -1];
  shapes.forEach((shape, i) => {
    const mask = maskOf(shape, photo);
    const size = areaOf(mask);
    if (size < least && contains(mask, point)) [least, best] = [size, i];
  });
  return best;
}
