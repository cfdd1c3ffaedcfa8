// The list of regions: what each is made of, how sure the model is, and what a person says instead.

import { css, inkOn } from "./colours.js";
import { area } from "./masks.js";
import { colourOf, percent } from "./regions.js";
import { maskOf } from "./shapes.js";

const MOST = 5; // candidates that are shown
const MOST_IN_SET = 8;

export class Panel {
  #list;
  #none;
  #session;
  #cards = new Map(); // by number: a region being drawn keeps its card when it is finished

  constructor(list, none, session) {
    [this.#list, this.#none, this.#session] = [list, none, session];
  }

  update() {
    const items = this.#session.items;
    const numbers = new Set(items.map((item) => item.region.number));
    for (const [number, card] of this.#cards) {
      if (numbers.has(number)) continue;
      card.element.remove();
      this.#cards.delete(number);
    }
    items.forEach((item, i) => {
      const { number } = item.region;
      if (!this.#cards.has(number)) this.#cards.set(number, new Card(this.#session));
      const card = this.#cards.get(number);
      card.update(item, this.#session.photo);
      if (this.#list.children[i] !== card.element) this.#list.insertBefore(card.element, this.#list.children[i] ?? null);
    });
    this.#none.hidden = items.length > 0;
    this.#none.textContent = this.#session.photo ? "None yet. Draw one on the photo." : "Open a photo to begin.";
  }

  /** Put the cursor where the chosen region's material is typed. */
  typeMaterial() {
    this.update(); // its card may not be unfolded yet
    this.#card()?.input.focus();
  }

  /** Scroll the list, not the page: on a narrow screen the photo must stay where one draws. */
  reveal() {
    const [card, box] = [this.#card()?.element, this.#list.closest("aside")];
    if (!card || box.scrollHeight <= box.clientHeight) return;
    const [own, frame] = [card.getBoundingClientRect(), box.getBoundingClientRect()];
    if (own.bottom > frame.bottom) box.scrollTop += own.bottom - frame.bottom + 8;
    if (own.top < frame.top) box.scrollTop -= frame.top - own.top + 8;
  }

  #card() {
    return this.#cards.get(this.#session.selected?.number);
  }
}

/** One region in the list. Its parts stay, only what changes is written, so that focus and motion survive. */
class Card {
  #session;
  #region = null;
  #last = null;

  constructor(session) {
    this.#session = session;
    this.element = make("li", "region");
    this.number = make("span", "number");
    this.name = make("span", "name");
    this.score = make("span", "score");
    this.badge = make("span", "badge");
    const choose = make("button", "choose", this.number, this.name, this.badge, this.score);
    choose.type = "button";
    choose.addEventListener("click", () => {
      this.#session.select(this.#session.selected === this.#region ? null : this.#region.id);
    });
    this.choose = choose;
    this.delete = button("icon", () => this.#session.remove(this.#region.id), icon("delete"));
    this.note = make("p", "note");
    this.bars = Array.from({ length: MOST }, (_, i) => this.#bar(i));
    const bars = make("ol", "bars", ...this.bars.map((bar) => bar.row));
    this.barsList = bars;
    this.input = make("input");
    Object.assign(this.input, { type: "text", maxLength: 80, placeholder: "another material", autocomplete: "off" });
    this.input.setAttribute("list", "materials");
    this.input.addEventListener("change", () => this.#type());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#type();
      if (event.key === "Escape") this.choose.focus();
    });
    this.back = button("back", () => this.#session.say(this.#region.id, null), "Take back");
    const other = make("label", "other", make("span", "", "It is"), this.input);
    this.set = make("p", "set");
    this.facts = make("p", "facts");
    this.detail = make("div", "detail", this.note, bars, this.set, make("div", "say", other, this.back), this.facts);
    this.element.append(make("div", "head", choose, this.delete), this.detail);
  }

  update({ region, answer, selected }, photo) {
    this.#region = region;
    // While the answer for a changed shape is under way, the last one stays, paler.
    const shown = answer ?? (this.#last?.number === region.number ? this.#last.answer : undefined);
    if (answer) this.#last = { number: region.number, answer };
    const said = region.material;
    const { name, score, badge } = headline(said, shown);
    this.element.classList.toggle("selected", Boolean(selected));
    this.element.classList.toggle("waiting", !answer);
    this.choose.setAttribute("aria-expanded", `${Boolean(selected)}`);
    const colour = colourOf(region);
    this.number.style.background = css(colour);
    this.number.style.color = inkOn(colour);
    write(this.number, `${region.number}`);
    write(this.name, name);
    write(this.score, score);
    write(this.badge, badge);
    this.badge.hidden = !badge;
    this.badge.classList.toggle("said", Boolean(said));
    this.delete.setAttribute("aria-label", `Delete region ${region.number}`);
    this.detail.hidden = !selected;
    if (!selected) return;
    const error = shown?.error;
    write(this.note, error ?? noteOf(said, shown));
    this.note.hidden = !this.note.textContent;
    this.note.classList.toggle("error", Boolean(error));
    this.barsList.hidden = !shown?.top;
    this.bars.forEach((bar, i) => bar.update(shown?.top?.[i], said));
    write(this.set, setOf(shown));
    this.set.hidden = !this.set.textContent;
    this.back.hidden = !said;
    this.input.setAttribute("aria-label", `What region ${region.number} is made of`);
    if (document.activeElement !== this.input) this.input.value = said ?? "";
    const size = area(maskOf(region.shape, photo));
    const share = percent(size / (photo.width * photo.height));
    write(this.facts, `${size.toLocaleString("en")} pixels, ${share} of the photo`);
  }

  #type() {
    if (this.input.value.trim()) this.#session.say(this.#region.id, this.input.value);
  }

  #bar(i) {
    const [name, score, track] = [make("span", "name"), make("span", "score"), make("i")];
    const key = make("kbd", "", `${i + 1}`);
    key.setAttribute("aria-hidden", "true");
    const choose = button("bar", () => this.#session.say(this.#region.id, this.bars[i].material), track, key, name, score);
    const row = make("li", "", choose);
    const update = (candidate, said) => {
      row.hidden = !candidate;
      if (!candidate) return;
      this.bars[i].material = candidate.material;
      write(name, candidate.material);
      write(score, percent(candidate.score));
      track.style.setProperty("--score", `${candidate.score}`);
      choose.setAttribute("aria-pressed", `${candidate.material === said}`);
      choose.title = `Say that it is ${candidate.material}`;
    };
    return { row, update, material: null };
  }
}

function headline(said, answer) {
  if (said) return { name: said, score: "", badge: "by hand" };
  if (!answer) return { name: "…", score: "", badge: "" };
  if (answer.error) return { name: "no answer", score: "", badge: "" };
  return { name: answer.material, score: percent(answer.score), badge: answer.uncertain ? "unsure" : "" };
}

/** The set in a line; its names where they still say something. */
function setOf(answer) {
  const names = answer?.set?.materials ?? [];
  if (!names.length) return "";
  const coverage = percent(answer.set.coverage);
  if (names.length > MOST_IN_SET) return `${coverage} set: ${names.length} materials, it could be almost anything`;
  return `${coverage} set: ${names.join(", ")}${names.length > 1 ? "" : " alone"}`;
}

function noteOf(said, answer) {
  if (!answer) return "";
  const notes = [...(answer.notes ?? [])];
  if (said && said !== answer.material) notes.unshift(`The model says ${answer.material}, ${percent(answer.score)}.`);
  else if (!said && answer.uncertain) notes.unshift("Not sure enough: look for yourself and say what it is.");
  return notes.join(" ");
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

export function button(className, onClick, ...children) {
  const element = make("button", className, ...children);
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}
