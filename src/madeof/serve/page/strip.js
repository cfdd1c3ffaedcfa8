// The photos that are open, as small pictures.

import { button, icon, make } from "./panel.js";

export class Strip {
  #list;
  #session;
  #rows = new Map();

  constructor(list, session) {
    [this.#list, this.#session] = [list, session];
  }

  update() {
    const { photos, photo: shown } = this.#session;
    for (const [photo, row] of this.#rows) {
      if (photos.includes(photo)) continue;
      row.element.remove();
      this.#rows.delete(photo);
    }
    for (const photo of photos) {
      if (!this.#rows.has(photo)) this.#rows.set(photo, this.#row(photo));
      const { element, choose, about } = this.#rows.get(photo);
      const parts = [photo.width ? `${photo.width} × ${photo.height}` : "", regions(photo.regions.length), ...photo.warnings];
      about.textContent = parts.filter(Boolean).join(" · ");
      choose.setAttribute("aria-current", `${photo === shown}`);
      element.classList.toggle("selected", photo === shown);
    }
  }

  #row(photo) {
    const picture = make("canvas");
    picture.setAttribute("aria-hidden", "true");
    const about = make("small");
    const text = make("span", "text", make("span", "name", photo.name), about);
    const choose = button("choose", () => this.#session.choose(photo), picture, text);
    const close = button("icon", () => this.#session.close(photo), icon("close"));
    close.setAttribute("aria-label", `Close ${photo.name}`);
    const element = make("li", "", choose, close);
    this.#list.append(element);
    thumbnail(photo.blob, picture);
    return { element, choose, about };
  }
}

const regions = (count) => (count === 0 ? "" : count === 1 ? "1 region" : `${count} regions`);

async function thumbnail(blob, canvas) {
  const side = 96;
  [canvas.width, canvas.height] = [side, side];
  try {
    const whole = await createImageBitmap(blob, { resizeHeight: 2 * side, resizeQuality: "medium" });
    const cut = Math.min(whole.width, whole.height);
    const [x, y] = [(whole.width - cut) / 2, (whole.height - cut) / 2];
    canvas.getContext("2d").drawImage(whole, x, y, cut, cut, 0, 0, side, side);
    whole.close();
  } catch {
    // it stays empty; opening the photo says why
  }
}
