// A photo on the page: its pixels, its regions, and its place in the service.

import { Answers } from "./answers.js";
import { History } from "./history.js";
import { Problem } from "./service.js";
import { toRequest } from "./shapes.js";

const MOST_PIXELS = 16e6; // of the picture on the screen; the service reads the file itself

export class Photo {
  bitmap = null; // only while it is the one that is shown
  warnings = [];
  damaged = false;
  selected = null; // the id of a region
  #service;
  #image = null; // a promise of the service's id
  #checked = null;

  /**
   * @param {{key: number, name: string, blob: Blob, width?: number, height?: number, regions?: object[]}} row
   * @param {(problem: Error | null) => void} tell called after every answer (null) and every failure
   */
  constructor({ key, name, blob, width = 0, height = 0, regions = [] }, service, tell) {
    [this.key, this.name, this.blob] = [key, name, blob];
    [this.width, this.height] = [width, height]; // 0 until it was decoded once
    this.history = new History(regions);
    this.#service = service;
    this.answers = new Answers((shapes, signal) => this.#ask(shapes, signal), tell);
  }

  /** What is kept in the browser. */
  get row() {
    const { key, name, blob, width, height } = this;
    return { key, name, blob, width, height, regions: this.history.present };
  }

  get regions() {
    return this.history.present;
  }

  get items() {
    return this.regions.map((region) => ({ region, answer: this.answers.of(region.shape) }));
  }

  /** Decode it for the screen. */
  async show() {
    if (this.bitmap) return;
    let bitmap;
    try {
      bitmap = await createImageBitmap(this.blob);
    } catch {
      throw new Problem("photo", `this browser cannot show ${this.name}: save it as JPEG or PNG`);
    }
    [this.width, this.height] = [bitmap.width, bitmap.height];
    const scale = Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height));
    if (scale < 1) {
      const size = { resizeWidth: Math.round(bitmap.width * scale), resizeHeight: Math.round(bitmap.height * scale) };
      const smaller = await createImageBitmap(bitmap, { ...size, resizeQuality: "high" });
      bitmap.close();
      bitmap = smaller;
    }
    this.bitmap = bitmap;
  }

  hide() {
    this.bitmap?.close();
    this.bitmap = null;
  }

  /** Have it encoded, once; the service's id. */
  encode() {
    this.#image ??= this.#service.addPhoto(this.blob).then(
      (answer) => {
        this.warnings = answer.warnings ?? [];
        this.damaged = answer.damaged ?? false;
        this.#checked = [answer.width, answer.height];
        this.#check();
        return answer.id;
      },
      (problem) => {
        this.#image = null; // so that it is tried again
        throw problem;
      },
    );
    return this.#image;
  }

  /** Ask about everything in the list that has no answer yet. */
  refresh() {
    this.answers.want(this.regions.map((region) => region.shape));
  }

  select(points, outside, size) {
    return this.#again((image) => this.#service.select(image, points, outside, size));
  }

  #ask(shapes, signal) {
    return this.#again((image) => this.#service.regions(image, shapes.map(toRequest), signal));
  }

  /** Do something with the encoded photo; where the service has let go of it meanwhile, have it encoded anew. */
  async #again(work) {
    try {
      const image = await this.encode();
      this.#check();
      return await work(image);
    } catch (problem) {
      if (problem.kind !== "unknown-image") throw problem;
      this.#image = null;
      return work(await this.encode());
    }
  }

  /** The browser and the service must mean the same pixels. */
  #check() {
    const [width, height] = this.#checked;
    if (!this.width || (width === this.width && height === this.height)) return;
    throw new Problem(
      "photo",
      `${this.name} is ${this.width} x ${this.height} in this browser but ${width} x ${height} in the service: ` +
        "its rotation is read differently; save it again as it is to be seen",
    );
  }
}
