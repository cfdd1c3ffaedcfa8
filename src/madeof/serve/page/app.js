// Starts the page: wires the session to the canvas, the list, the buttons and the keys.

import { Exporting } from "./exporting.js";
import { actionOf, keyOf, KEYS } from "./keys.js";
import { button, icon, make, Panel } from "./panel.js";
import { percent } from "./regions.js";
import { Problem, Service, takeToken } from "./service.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { openStore } from "./store.js";
import { Strip } from "./strip.js";

const TOOLS = {
  edit: ["Choose", "Click a region to choose it, drag it or its corners; drag the photo to move it."],
  box: ["Box", "Drag from one corner to the other."],
  polygon: ["Polygon", "Click corner after corner; click the first or the last once more to close it."],
  lasso: ["Lasso", "Draw around it."],
  brush: ["Brush", ""],
  eraser: ["Eraser", ""],
  select: ["Click", "Click something to select it. Shift adds to the chosen region, Alt takes away."],
};

const $ = (id) => document.getElementById(id);
let session, stage, panel, strip, model;

async function start() {
  const service = new Service(takeToken(location, sessionStorage, history));
  session = new Session(service, await openStore(), changed);
  stage = new Stage($("stage"), session, { onView: (scale) => ($("scale").textContent = `${Math.round(scale * 100)}%`) });
  panel = new Panel($("list"), $("no-regions"), session);
  strip = new Strip($("strip"), session);
  setUpTools();
  setUpFiles();
  setUpKeys();
  setUpTheme();
  document.addEventListener("click", (event) => {
    const action = event.target.closest("[data-do]")?.dataset.do;
    if (action && action !== "export") act(action);
  });
  $("token-form").addEventListener("submit", giveToken);
  refresh();
  try {
    model = await service.model();
  } catch (problem) {
    if (problem.kind === "unauthorized") return $("ask-token").showModal();
    return trouble(problem);
  }
  $("model").textContent = `${model.model}, ${model.materials.length} materials`;
  $("materials").append(...model.materials.map((name) => Object.assign(make("option"), { value: name })));
  new Exporting($("export"), session, model, trouble);
  await session.restore();
  refresh();
}

// What happens when something changes

function changed(what, problem) {
  if (problem) trouble(problem);
  else if (what === "answers" && !$("trouble").hidden && $("trouble").dataset.kind !== "photo") $("trouble").hidden = true;
  if (what === "photo") stage.reset();
  refresh();
}

let due = false;
function refresh() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    stage.draw();
    panel.update();
    strip.update();
    const { photo, photos } = session;
    $("empty").hidden = photos.length > 0;
    $("photos").hidden = !photos.length;
    $("loading").hidden = !photo || Boolean(photo.bitmap) || !session.busy;
    for (const id of ["zoom", "hint"]) $(id).hidden = !photo?.bitmap;
    document.title = photo ? `${photo.name} – madeof` : "madeof";
    document.body.classList.toggle("busy", session.busy > 0);
    document.body.classList.toggle("begun", session.regions.length > 0);
    setDisabled("undo", !photo?.history.canUndo);
    setDisabled("redo", !photo?.history.canRedo);
    setDisabled("export", !session.regions.length && !photos.some((one) => one.regions.length));
    showTool();
    announce();
  });
}

function setDisabled(action, disabled) {
  document.querySelector(`header [data-do="${action}"]`).disabled = disabled;
}

function showTool() {
  const { tool } = stage;
  for (const one of $("tools").children) one.setAttribute("aria-pressed", `${one.dataset.do === `tool:${tool}`}`);
  const chosen = session.selected;
  const brush = chosen ? `Paints onto region ${chosen.number}.` : "Paint a new region.";
  const eraser = chosen ? `Takes away from region ${chosen.number}.` : "Choose the region to take away from first.";
  const hint = { brush, eraser }[tool] ?? TOOLS[tool][1];
  if ($("hint").textContent !== hint) $("hint").textContent = hint;
  const brushes = tool === "brush" || tool === "eraser";
  $("new-region").hidden = !(tool === "brush" && chosen);
  $("options").hidden = !session.photo?.bitmap || !(brushes || (tool === "select" && session.canResize));
  $("size").textContent = brushes ? `${Math.round(stage.radius * 2)} px` : "selection";
}

/** Tell those who cannot see it what the chosen region is made of, once it is known. */
function announce() {
  const item = session.items.find((one) => one.selected && one.region.id !== "draft");
  if (!item?.answer || session.draft) return;
  const { region, answer } = item;
  const said = region.material ? `you say ${region.material}` : answer.error;
  const text = said ?? `${answer.uncertain ? "unsure, " : ""}${answer.material}, ${percent(answer.score)}`;
  const line = `Region ${region.number}: ${text}`;
  if ($("status").textContent !== line) {
    $("status").textContent = line;
    panel.reveal();
  }
}

function trouble(problem) {
  if (problem.name === "AbortError") return;
  if (!(problem instanceof Problem)) console.error(problem);
  $("trouble").querySelector("span").textContent = problem.message;
  $("trouble").dataset.kind = problem.kind ?? "internal";
  $("trouble").hidden = false;
}

// What one can do, by buttons and keys

function act(action) {
  const [name, value] = action.split(":");
  const { selected } = session;
  const actions = {
    tool: () => (stage.tool = value),
    open: () => $("files").click(),
    example,
    export: () => !$("export-button").disabled && $("export").showPopover(),
    theme: toggleTheme,
    help: () => $("help").showModal(),
    "close-help": () => $("help").close(),
    "hide-trouble": () => ($("trouble").hidden = true),
    undo: () => stage.cancel() || session.undo(),
    redo: () => session.redo(),
    escape: () => stage.cancel() || session.select(null),
    delete: () => selected && session.remove(selected.id),
    next: () => session.step(1),
    previous: () => session.step(-1),
    say: () => sayCandidate(Number(value)),
    unsay: () => selected && session.say(selected.id, null),
    material: () => panel.typeMaterial(),
    whole: () => session.commitWhole(),
    smaller: () => resize(-1),
    larger: () => resize(1),
    "zoom-in": () => stage.zoom(1.25),
    "zoom-out": () => stage.zoom(0.8),
    fit: () => stage.show("fit"),
    pixels: () => stage.show(1),
    "next-photo": () => stepPhoto(1),
    "previous-photo": () => stepPhoto(-1),
    canvas: () => stage.focus(),
  };
  actions[name]();
  refresh();
}

function sayCandidate(index) {
  const item = session.items.find((one) => one.selected);
  const candidate = item?.answer?.top?.[index];
  if (candidate && !session.draft) session.say(item.region.id, candidate.material);
}

function resize(step) {
  if (stage.tool === "select") session.resize(step);
  else stage.brush = Math.min(200, Math.max(2, stage.brush * (step > 0 ? 1.25 : 0.8)));
}

function stepPhoto(step) {
  const { photos, photo } = session;
  if (photos.length > 1) session.choose(photos.at((photos.indexOf(photo) + step) % photos.length));
}

async function example() {
  const blob = await (await fetch("page/example.jpg")).blob();
  session.open([new File([blob], "coffee.jpg", { type: "image/jpeg" })]);
}

function giveToken() {
  sessionStorage.setItem("madeof-token", $("token").value.trim());
  location.reload();
}

// Set up

function setUpTools() {
  for (const [name, [title]] of Object.entries(TOOLS)) {
    const tool = button("tool", () => {}, icon(name), make("span", "", title));
    tool.dataset.do = `tool:${name}`;
    $("tools").append(tool);
  }
  for (const one of document.querySelectorAll("[data-do]")) {
    const key = keyOf(one.dataset.do);
    if (key) one.title = `${one.getAttribute("aria-label") ?? one.textContent.trim()} (${key})`;
  }
}

function setUpFiles() {
  const open = (files) => {
    const photos = [...files].filter((file) => !file.type || file.type.startsWith("image/"));
    if (photos.length < files.length) trouble(new Problem("photo", "only photos can be opened: JPEG, PNG or WebP"));
    if (photos.length) session.open(photos);
  };
  $("files").addEventListener("change", () => {
    open($("files").files);
    $("files").value = ""; // so that the same photo can be chosen again
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) open(event.clipboardData.files);
  });
  const dragsFiles = (event) => event.dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!dragsFiles(event)) return;
    event.preventDefault();
    $("drop").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!dragsFiles(event)) return;
    event.preventDefault();
    $("drop").hidden = true;
    open(event.dataTransfer.files);
  });
}

function setUpKeys() {
  for (const { title, keys } of KEYS) {
    const rows = keys.map(({ keys: names, text }) => {
      const shown = names.map((name) => make("kbd", "", name.length === 1 ? name.toUpperCase() : name));
      return make("tr", "", make("td", "", ...shown), make("td", "", text));
    });
    $("keys").append(make("section", "", make("h3", "", title), make("table", "", make("tbody", "", ...rows))));
  }
  $("letters").checked = localStorage.getItem("madeof-letters") !== "off";
  $("letters").addEventListener("change", () => localStorage.setItem("madeof-letters", $("letters").checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input") || document.querySelector("dialog[open], :popover-open")) return;
    if (stage.key(event)) return event.preventDefault();
    const action = actionOf(event, $("letters").checked);
    if (!action) return;
    event.preventDefault();
    act(action);
  });
}

function setUpTheme() {
  const theme = localStorage.getItem("madeof-theme");
  if (theme) document.documentElement.dataset.theme = theme;
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("madeof-theme", root.dataset.theme);
}

start();
