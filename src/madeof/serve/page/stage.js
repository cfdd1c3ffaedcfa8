// The canvas: shows the photo and its regions, and turns mouse, finger, pen and keyboard into strokes of the tools.

import { clear, drawHandles, drawPhoto, drawPointer, drawRegions, drawTrail } from "./draw.js";
import { colourOf } from "./regions.js";
import { handlesOf } from "./shapes.js";
import { TOOLS } from "./tools.js";
import { fit, pan, reveal, toPhoto, zoom } from "./view.js";

const NEAR = { mouse: 10, pen: 14, touch: 24 }; // screen pixels by which one may miss a point
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Stage {
  brush = 24; // its radius in screen pixels at the scale at which the photo fits
  #session;
  #frame;
  #back; // the canvas of the photo
  #front; // the canvas of what is drawn over it; it takes the focus
  #view = null;
  #tool;
  #name = "box";
  #mode = "new";
  #pointers = new Map(); // id -> [x, y] on the screen
  #drawing = null; // the pointer that draws
  #panning = null; // the pointer that moves the photo, and where it was
  #hover = null; // where the mouse is, in pixels of the photo
  #cross = null; // the keyboard's crosshair, in pixels of the photo; null until an arrow key is pressed
  #near = NEAR.mouse;
  #due = false;
  #size = { width: 1, height: 1 }; // of the frame; asking the browser each time would have it lay out the page
  #shown = {}; // what the canvas of the photo holds: {bitmap, view}

  constructor(frame, session, { onView }) {
    [this.#frame, this.#session, this.onView] = [frame, session, onView];
    [this.#back, this.#front] = frame.querySelectorAll("canvas");
    this.tool = "box";
    this.#resize();
    new ResizeObserver(() => this.#resize()).observe(frame);
    const on = (name, handler) => this.#front.addEventListener(name, handler);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#up(event, true));
    on("pointerleave", () => this.#setHover(null));
    on("dblclick", () => this.#tool.finish?.());
    on("contextmenu", (event) => event.preventDefault());
    for (const name of ["blur", "focus"]) on(name, () => this.draw()); // the crosshair comes and goes
    this.#front.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  get tool() {
    return this.#name;
  }

  set tool(name) {
    this.#tool?.cancel();
    this.#name = name;
    this.#tool = TOOLS[name](this.#host());
    this.#front.dataset.tool = name;
    this.draw();
  }

  /** Show the session's photo, all of it. */
  reset() {
    this.#tool.cancel();
    this.#view = this.#cross = this.#hover = null;
    this.draw();
  }

  focus() {
    this.#front.focus({ preventScroll: true });
  }

  // What a tool is given

  #host() {
    const session = this.#session;
    const stage = this;
    return {
      get photo() {
        return session.photo;
      },
      get near() {
        return stage.#near / stage.#view.scale;
      },
      get radius() {
        return stage.radius;
      },
      selected: () => session.selected?.shape ?? null,
      draft: (shape, points, replaces) => session.setDraft(shape, points, replaces),
      commit: (shape) => session.commit(shape, stage.#mode),
      replace: (shape) => session.replace(shape),
      pick: (point) => session.pick(point),
      click: (point, mode) => session.click(point, mode),
      pan: (point, start) => stage.#pan([(point[0] - start[0]) * stage.#view.scale, (point[1] - start[1]) * stage.#view.scale]),
    };
  }

  /** Of the brush, in pixels of the photo. */
  get radius() {
    return this.#session.photo ? this.brush / fit(this.#session.photo, this.#size).scale : 1;
  }

  // Mouse, finger, pen

  #down(event) {
    if (!this.#ready) return;
    this.focus();
    this.#cross = null;
    const at = this.#at(event);
    this.#pointers.set(event.pointerId, at);
    this.#front.setPointerCapture(event.pointerId);
    if (this.#pointers.size === 2 && event.pointerType === "touch") {
      this.#drawing = null; // two fingers move the photo
      this.#tool.cancel();
    } else if (event.button === 1 || event.button === 2) {
      this.#panning = event.pointerId;
    } else if (event.button === 0 && this.#pointers.size === 1) {
      this.#drawing = event.pointerId;
      this.#near = NEAR[event.pointerType] ?? NEAR.mouse;
      this.#press(toPhoto(this.#view, at), event);
    }
  }

  #press(point, { shiftKey, altKey }) {
    this.#mode = altKey ? "subtract" : shiftKey ? "add" : "new";
    this.#tool.down(point, this.#mode);
  }

  #move(event) {
    if (!this.#ready) return;
    const at = this.#at(event);
    const before = this.#pointers.get(event.pointerId);
    if (before && this.#pointers.size === 2 && this.#drawing === null && this.#panning === null) {
      this.#pinch(event.pointerId, before, at);
    } else if (event.pointerId === this.#panning && before) {
      this.#pan([at[0] - before[0], at[1] - before[1]]);
    } else if (event.pointerId === this.#drawing) {
      // A fast hand moves further between two pictures than the picture shows.
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.#tool.move(toPhoto(this.#view, this.#at(one)));
    } else if (!before && !this.#tool.drags) {
      this.#tool.move(toPhoto(this.#view, at));
    }
    if (before) this.#pointers.set(event.pointerId, at);
    this.#setHover(event.pointerType === "touch" ? null : toPhoto(this.#view, at));
  }

  #up(event, cancelled = false) {
    this.#pointers.delete(event.pointerId);
    if (event.pointerId === this.#panning) this.#panning = null;
    if (event.pointerId !== this.#drawing) return;
    this.#drawing = null;
    if (cancelled) this.#tool.cancel();
    else if (this.#tool.drags) this.#tool.up(toPhoto(this.#view, this.#at(event)));
  }

  #pinch(id, before, at) {
    const other = [...this.#pointers].find(([key]) => key !== id)[1];
    const spread = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
    const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    this.#pan([(at[0] - before[0]) / 2, (at[1] - before[1]) / 2]);
    this.zoom(spread(at) / Math.max(1, spread(before)), middle);
  }

  #wheel(event) {
    if (!this.#ready) return;
    event.preventDefault();
    if (event.shiftKey) return this.#pan([-(event.deltaX || event.deltaY), 0]);
    const lines = event.deltaMode === 1 ? 20 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0015; // a pinch on a touch pad comes as small steps with Ctrl
    this.zoom(Math.exp(-event.deltaY * lines * speed), this.#at(event));
  }

  // Keyboard

  /** Whether a key was one of the crosshair's or of the tool under way. */
  key(event) {
    if (!this.#ready || document.activeElement !== this.#front) return false;
    if (event.key in STEPS) {
      const far = (event.shiftKey ? 40 : event.ctrlKey || event.altKey ? 1 : 8) / this.#view.scale;
      const step = STEPS[event.key];
      const from = this.#cross ?? this.#inside(toPhoto(this.#view, [this.#size.width / 2, this.#size.height / 2]));
      this.#cross = this.#inside([from[0] + step[0] * far, from[1] + step[1] * far]);
      this.#setView(reveal(this.#view, this.#cross, this.#session.photo, this.#size));
      if (this.#tool.busy) this.#tool.move(this.#cross);
      this.draw();
    } else if (event.key === " ") {
      this.#cross ??= this.#inside(toPhoto(this.#view, [this.#size.width / 2, this.#size.height / 2]));
      if (this.#tool.drags && this.#tool.busy) this.#tool.up(this.#cross);
      else this.#press(this.#cross, event);
      this.draw();
    } else if (event.key === "Enter" && this.#tool.busy) {
      if (this.#tool.finish) this.#tool.finish();
      else if (this.#cross) this.#tool.up(this.#cross);
    } else if (event.key === "Backspace" && this.#tool.busy && this.#tool.back) {
      this.#tool.back();
    } else {
      return false;
    }
    return true;
  }

  /** Give up what is being drawn; whether there was anything. */
  cancel() {
    return this.#tool.cancel();
  }

  // View

  zoom(factor, at = [this.#size.width / 2, this.#size.height / 2]) {
    if (this.#ready) this.#setView(zoom(this.#view, factor, at, this.#session.photo, this.#size));
  }

  /** The whole photo, or one of its pixels to one of the screen. */
  show(scale) {
    if (!this.#ready) return;
    if (scale === "fit") this.#setView(fit(this.#session.photo, this.#size));
    else this.zoom(scale / this.#view.scale);
  }

  #pan(step) {
    this.#setView(pan(this.#view, step, this.#session.photo, this.#size));
  }

  #setView(view) {
    this.#view = view;
    this.draw();
  }

  get #ready() {
    return Boolean(this.#view && this.#session.photo?.bitmap);
  }

  #at(event) {
    const box = this.#front.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #inside([x, y]) {
    const { width, height } = this.#session.photo;
    return [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];
  }

  #setHover(point) {
    this.#hover = point;
    if (this.#name === "brush" || this.#name === "eraser") this.draw();
  }

  #resize() {
    const before = this.#view;
    this.#size = { width: this.#frame.clientWidth, height: this.#frame.clientHeight };
    for (const canvas of [this.#back, this.#front]) {
      canvas.width = Math.round(this.#size.width * devicePixelRatio);
      canvas.height = Math.round(this.#size.height * devicePixelRatio);
    }
    this.#shown = {};
    if (before && this.#session.photo?.bitmap) this.#view = null; // fits anew
    this.draw();
  }

  /** Draw everything, once for each picture of the screen. */
  draw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#paint();
    });
  }

  #paint() {
    const { photo, draft } = this.#session;
    const [back, front] = [this.#back.getContext("2d"), this.#front.getContext("2d")];
    const ratio = devicePixelRatio;
    if (photo?.bitmap) this.#view ??= fit(photo, this.#size);
    const view = this.#view;
    clear(front);
    if (this.#shown.bitmap !== photo?.bitmap || this.#shown.view !== view) {
      clear(back);
      if (photo?.bitmap) drawPhoto(back, photo, view, ratio); // large: not again for every stroke
      this.#shown = { bitmap: photo?.bitmap, view };
    }
    if (!photo?.bitmap) return;
    const items = this.#session.items;
    drawRegions(front, photo, items, view, { ratio, frame: this.#size });
    const chosen = items.find((item) => item.selected);
    const colour = chosen ? colourOf(chosen.region) : [255, 255, 255];
    if (draft?.points.length) {
      drawTrail(front, draft.points, view, ratio, colour);
      drawHandles(front, draft.points.slice(0, -1), view, ratio, colour);
    } else if (this.#name === "edit" && chosen) {
      drawHandles(front, handlesOf(chosen.region.shape), view, ratio, colour);
    }
    const brush = this.#name === "brush" || this.#name === "eraser";
    const crossed = this.#cross && document.activeElement === this.#front;
    const pointer = crossed ? this.#cross : brush ? this.#hover : null;
    if (pointer) drawPointer(front, pointer, view, ratio, { radius: brush ? this.radius : 0, cross: Boolean(crossed) });
    this.onView(view.scale);
  }
}
