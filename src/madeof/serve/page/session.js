// Everything that is open: the photos, the one that is shown, the region that is chosen, what is being drawn.
// What one does is a method here; the page calls them and redraws when it is told of a change. No DOM.

import { area, contains, fromRle, isEmpty } from "./masks.js";
import { Photo } from "./photo.js";
import { add, change, find, neighbour, remove } from "./regions.js";
import { fileName } from "./export.js";
import { joined, pickShape } from "./tools.js";

const MOST_TEXT = 80; // characters of a material that a person types

export class Session {
  /** @type {Photo[]} */
  photos = [];
  /** @type {Photo | null} */
  photo = null;
  draft = null; // {shape, points, replaces}
  busy = 0; // things under way that the person waits for
  #service;
  #store;
  #listen;
  #clicked = null; // the last click to select: {id, base, mode, point, size}
  #nextKey = 1;

  /**
   * @param {import("./service.js").Service} service
   * @param {object} store see store.js
   * @param {(what: "photo" | "regions" | "draft" | "answers", problem?: Error) => void} listen
   */
  constructor(service, store, listen) {
    this.#service = service;
    this.#store = store;
    this.#listen = listen;
  }

  // Photos

  /** Bring back what the browser kept. */
  async restore() {
    for (const row of await this.#store.all()) {
      this.photos.push(this.#photo(row));
      this.#nextKey = Math.max(this.#nextKey, row.key + 1);
    }
    const last = this.photos.find((photo) => photo.key === this.#store.shown) ?? this.photos.at(-1);
    if (last) await this.choose(last);
  }

  /** @param {File[]} files */
  async open(files) {
    const opened = [];
    for (const file of files) {
      const name = fileName(file.name, file.type, this.photos.map((photo) => photo.name));
      const photo = this.#photo({ key: this.#nextKey++, name, blob: file });
      opened.push(photo);
      this.photos.push(photo);
      this.#keep(photo);
    }
    if (opened.length) await this.choose(opened[0]);
  }

  async choose(photo) {
    if (this.photo !== photo) this.photo?.hide();
    this.photo = photo;
    this.#store.shown = photo.key;
    this.draft = this.#clicked = null;
    this.#listen("photo");
    await this.#work(async () => {
      const encoded = photo.encode();
      encoded.catch(() => {}); // it is awaited below, but may fail before
      await photo.show();
      if (this.photo !== photo) return photo.hide();
      this.#keep(photo);
      this.#listen("photo");
      photo.refresh();
      await encoded;
      this.#listen("answers");
    });
  }

  close(photo) {
    const at = this.photos.indexOf(photo);
    photo.hide();
    this.photos.splice(at, 1);
    this.#store.remove(photo.key);
    if (this.photo !== photo) return this.#listen("photo");
    this.photo = null;
    const next = this.photos[Math.min(at, this.photos.length - 1)];
    if (next) return this.choose(next);
    this.#listen("photo");
  }

  // Regions

  get regions() {
    return this.photo?.regions ?? [];
  }

  get selected() {
    return this.photo ? find(this.regions, this.photo.selected) : null;
  }

  /** What is to be seen: the regions with their answers, and what is being drawn as one of them. */
  get items() {
    if (!this.photo) return [];
    const { answers, selected } = this.photo;
    const shape = this.draft?.shape;
    const replaced = shape && this.draft.replaces ? selected : null;
    const items = this.regions.map((region) => {
      const shown = region.id === replaced ? { ...region, shape } : region;
      return { region: shown, answer: answers.of(shown.shape), selected: region.id === selected };
    });
    if (shape && !replaced) {
      const region = { ...add(this.regions, shape).at(-1), id: "draft" };
      items.push({ region, answer: answers.of(shape), selected: true });
    }
    return items;
  }

  select(id) {
    if (!this.photo || this.photo.selected === id) return;
    this.photo.selected = id;
    this.#clicked = null;
    this.#listen("regions");
  }

  step(by) {
    const region = neighbour(this.regions, this.photo?.selected, by);
    if (region) this.select(region.id);
  }

  /** Choose the smallest region that holds a point, or none; its shape. */
  pick(point) {
    const shapes = this.regions.map((region) => region.shape);
    const region = this.regions[pickShape(shapes, point, this.photo, area, contains)];
    this.select(region?.id ?? null);
    return region?.shape ?? null;
  }

  /** A shape that is still being drawn; null for none. */
  setDraft(shape, points = [], replaces = false) {
    this.draft = shape || points.length ? { shape, points, replaces } : null;
    if (shape) this.photo.answers.wantDraft(shape);
    this.#listen("draft");
  }

  /** A shape that is finished: a region of its own, or more or less of the one that is chosen. */
  commit(shape, mode = "new") {
    shape = this.#drawn(shape);
    this.draft = null;
    if (!shape) return this.#listen("draft");
    const selected = this.selected;
    const result = joined(selected?.shape, shape, mode, this.photo);
    if (mode !== "new" && selected) return this.replace(result);
    if (!result) return this.#listen("draft");
    const regions = add(this.regions, result);
    this.photo.selected = regions.at(-1).id;
    this.#push(regions);
  }

  commitWhole() {
    if (this.photo?.width) this.commit({ box: [0, 0, this.photo.width, this.photo.height] });
  }

  /** The chosen region's new shape, or a new region where none is chosen; null takes it away. */
  replace(shape) {
    shape = this.#drawn(shape);
    this.draft = null;
    const { selected } = this;
    if (!selected) return shape ? this.commit(shape) : this.#listen("draft");
    if (!shape) return this.remove(selected.id);
    this.#push(change(this.regions, selected.id, { shape }));
  }

  remove(id) {
    if (!find(this.regions, id)) return;
    const after = neighbour(this.regions, id, 1);
    if (this.photo.selected === id) this.photo.selected = after.id === id ? null : after.id;
    this.#push(remove(this.regions, id));
  }

  /** Say what a region is made of; null takes it back. */
  say(id, material) {
    const text = material?.normalize("NFC").replace(/[\p{C}\s]+/gu, " ").trim().slice(0, MOST_TEXT);
    this.#push(change(this.regions, id, { material: text || null }));
  }

  undo() {
    this.photo?.history.undo();
    this.#changed();
  }

  redo() {
    this.photo?.history.redo();
    this.#changed();
  }

  // Click to select

  /** Have the service find the region around a point. */
  async click(point, mode = "new") {
    const base = mode === "new" ? null : (this.selected?.shape ?? null);
    await this.#find({ id: base ? this.selected.id : null, base, mode: base ? mode : "new", point, size: 0 });
  }

  get canResize() {
    return this.#clicked !== null && this.#clicked.id === this.photo?.selected;
  }

  /** The region around the last click, smaller (-1) or larger (+1). */
  async resize(step) {
    if (this.canResize) await this.#find({ ...this.#clicked, size: this.#clicked.size + step });
  }

  async #find(click) {
    const { photo } = this;
    const answer = await this.#work(() => photo.select([click.point], [], click.size));
    if (!answer || photo !== this.photo) return;
    const mask = fromRle(answer.rle);
    const shape = joined(click.base, { mask }, click.mode, photo);
    if (!shape || isEmpty(shape.mask)) return;
    const known = click.id && find(this.regions, click.id);
    if (known) this.#push(change(this.regions, click.id, { shape }));
    else this.commit(shape);
    this.#clicked = { ...click, id: photo.selected };
    this.#listen("regions");
  }

  // Under the hood

  /** The shape that was drawn last where it is the same, for its answer may be known or under way. */
  #drawn(shape) {
    const last = this.draft?.shape;
    const same = shape && last && (shape.mask ? shape.mask === last.mask : JSON.stringify(shape) === JSON.stringify(last));
    return same ? last : shape;
  }

  /** Wait for the answers of every region of some photos; whether all are there. */
  async answer(photos) {
    const done = await this.#work(async () => {
      await Promise.all(photos.map((photo) => photo.answers.settle(photo.regions.map((region) => region.shape))));
      return true;
    });
    return Boolean(done);
  }

  /** Do something that takes a while; what goes wrong is told, and the result is then null. */
  async #work(job) {
    this.busy++;
    this.#listen("answers");
    try {
      return await job();
    } catch (problem) {
      this.#listen("answers", problem);
      return null;
    } finally {
      this.busy--;
      this.#listen("answers");
    }
  }

  #photo(row) {
    return new Photo(row, this.#service, (problem) => this.#listen("answers", problem ?? undefined));
  }

  #push(regions) {
    this.photo.history.push(regions);
    this.#changed();
  }

  #changed() {
    if (!this.photo) return;
    this.draft = null;
    if (!find(this.regions, this.photo.selected)) this.photo.selected = null;
    this.photo.refresh();
    this.#keep(this.photo);
    this.#listen("regions");
  }

  #keep(photo) {
    this.#store.put(photo.row).catch(() => {}); // a full disk must not stop the drawing
  }
}
