// The export menu: what there is, and the download.

import { drawPicture } from "./draw.js";
import { countSaid, stemOf, toCoco, toCsv, toDataset, toJson, toLabelMap } from "./export.js";
import { button, make } from "./panel.js";

/** kind -> title, what it is, and (session, model) -> [name of the file, Blob]. `this` photo only where `one` is set. */
const KINDS = {
  json: {
    title: "JSON", about: "answers and shapes, a line a photo",
    make: (photos, session, model) => [
      photos.length > 1 ? "madeof.jsonl" : `${stemOf(photos[0].name)}.json`,
      text(toJson(photos, model.model), "application/json"),
    ],
  },
  csv: { title: "CSV", about: "a row a region, for spreadsheets", make: (photos) => ["madeof.csv", text(toCsv(photos), "text/csv")] },
  coco: {
    title: "COCO", about: "outlines and run lengths for other tools",
    make: (photos, session, model) => ["madeof-coco.json", text(toCoco(photos, model.model), "application/json")],
  },
  labels: {
    title: "Label map", about: "this photo: a number a pixel, with the table of numbers", one: true,
    make: async ([photo], session, model) => [`${stemOf(photo.name)}-labels.zip`, await toLabelMap(photo, model.materials)],
  },
  overlay: {
    title: "Picture", about: "this photo with its regions drawn over it", one: true,
    make: async ([photo], session) => [`${stemOf(photo.name)}-madeof.png`, await picture(session.photo, photo.items)],
  },
  dataset: {
    title: "Data set", about: "what you said by hand, for madeof train", said: true,
    make: async (photos) => ["madeof-dataset.zip", await toDataset(photos)],
  },
};

export class Exporting {
  #menu;
  #session;
  #model;

  constructor(menu, session, model, tell) {
    [this.#menu, this.#session, this.#model] = [menu, session, model];
    for (const [kind, { title, about }] of Object.entries(KINDS)) {
      const row = button("", () => this.save(kind).catch(tell), make("b", "", title), make("small", "", about));
      row.dataset.kind = kind;
      menu.append(row);
    }
    menu.addEventListener("beforetoggle", () => this.#update());
    menu.addEventListener("toggle", (event) => event.newState === "open" && this.#step(0));
    menu.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.#step(step);
    });
  }

  /** Go to another row that can be chosen; to the first where none is. */
  #step(by) {
    const rows = [...this.#menu.children].filter((row) => !row.disabled);
    const at = Math.max(0, rows.indexOf(document.activeElement) + by);
    rows[at % rows.length]?.focus();
  }

  /** Make a file and have the browser save it. */
  async save(kind) {
    this.#menu.hidePopover();
    const photos = this.#photos(kind);
    if (!(await this.#session.answer(photos))) return; // the session has told why
    const [name, blob] = await KINDS[kind].make(photos, this.#session, this.#model);
    const link = make("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #photos(kind) {
    const photos = KINDS[kind].one ? [this.#session.photo].filter(Boolean) : this.#session.photos;
    return photos.filter((photo) => photo.regions.length);
  }

  /** What there is nothing of cannot be exported, and says so. */
  #update() {
    for (const row of this.#menu.children) {
      const kind = KINDS[row.dataset.kind];
      const photos = this.#photos(row.dataset.kind);
      const said = countSaid(photos);
      row.disabled = !photos.length || Boolean(kind.said && !said);
      const nothing = kind.said && photos.length ? "say by hand what some regions are made of first" : "mark a region first";
      row.lastChild.textContent = row.disabled ? nothing : kind.said ? `${kind.about}: ${said} so far` : kind.about;
    }
  }
}

const text = (content, type) => new Blob([content], { type: `${type};charset=utf-8` });

function picture(photo, items) {
  const makeCanvas = (width, height) => Object.assign(make("canvas"), { width, height });
  const canvas = drawPicture(photo.bitmap, photo, items, makeCanvas);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
