// The keys, in one table: what they do, what the help says, what the tips of the buttons show.

/**
 * keys: as in KeyboardEvent.key, "Ctrl+" for Control or Command; action: see app.js; text: for people.
 * @type {{title: string, keys: {keys: string[], action?: string, text: string}[]}[]}
 */
export const KEYS = [
  {
    title: "Tools",
    keys: [
      { keys: ["v"], action: "tool:edit", text: "Choose: click a region, drag it or its corners, drag the photo" },
      { keys: ["b"], action: "tool:box", text: "Box: drag from corner to corner" },
      { keys: ["p"], action: "tool:polygon", text: "Polygon: click its corners, the last one twice" },
      { keys: ["l"], action: "tool:lasso", text: "Lasso: draw around" },
      { keys: ["r"], action: "tool:brush", text: "Brush: paint a region, or paint more onto the chosen one" },
      { keys: ["e"], action: "tool:eraser", text: "Eraser: take away from the chosen region" },
      { keys: ["c"], action: "tool:select", text: "Click to select: click something" },
      { keys: ["a"], action: "whole", text: "The whole photo as a region" },
      { keys: ["[", "]"], text: "Brush, or what a click selected: smaller, larger" },
      { keys: ["Shift", "Alt"], text: "Held while one draws: add to the chosen region, take away from it" },
    ],
  },
  {
    title: "Regions",
    keys: [
      { keys: ["n", "Shift+N"], text: "The next region, the one before" },
      { keys: ["1", "2", "3", "4", "5"], text: "It is made of the first, second, ... of the five" },
      { keys: ["0"], action: "unsay", text: "Take back what you said that it is" },
      { keys: ["m"], action: "material", text: "Type what it is made of" },
      { keys: ["Delete"], action: "delete", text: "Delete the chosen region" },
      { keys: ["Escape"], action: "escape", text: "Stop drawing; choose no region, so that the brush starts a new one" },
      { keys: ["Ctrl+Z"], action: "undo", text: "Undo" },
      { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], action: "redo", text: "Redo" },
    ],
  },
  {
    title: "Photo",
    keys: [
      { keys: ["+", "-"], text: "Zoom in, out; also the wheel, or two fingers" },
      { keys: ["f"], action: "fit", text: "Show the whole photo" },
      { keys: ["z"], action: "pixels", text: "One pixel of the photo to one of the screen" },
      { keys: ["PageDown", "PageUp"], text: "The next photo, the one before" },
      { keys: ["o"], action: "open", text: "Open photos" },
      { keys: ["x"], action: "export", text: "Export" },
      { keys: ["?"], action: "help", text: "This help" },
    ],
  },
  {
    title: "Drawing without a mouse",
    keys: [
      { keys: ["k"], action: "canvas", text: "Go to the photo" },
      { keys: ["Arrow keys"], text: "Move the crosshair; with Shift far, with Ctrl by one step" },
      { keys: ["Space"], text: "Start and end a stroke, set a corner, click" },
      { keys: ["Enter"], text: "Finish the polygon or the stroke" },
      { keys: ["Backspace"], text: "Take back the polygon's last corner" },
    ],
  },
];

const ACTIONS = new Map(
  KEYS.flatMap((group) => group.keys.filter((row) => row.action).flatMap((row) => row.keys.map((key) => [key.toLowerCase(), row.action]))),
);
[
  ["[", "smaller"], ["]", "larger"], ["n", "next"], ["shift+n", "previous"], ["+", "zoom-in"], ["=", "zoom-in"], ["-", "zoom-out"],
  ["pagedown", "next-photo"], ["pageup", "previous-photo"],
  ...[1, 2, 3, 4, 5].map((digit) => [`${digit}`, `say:${digit - 1}`]),
].forEach(([key, action]) => ACTIONS.set(key, action));

/** What a key press asks for; null where it asks for nothing. `letters`: whether single characters count. */
export function actionOf(event, letters = true) {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (event.altKey || (key.length === 1 && !control && !letters && key !== "?")) return null;
  const shift = event.shiftKey && (control || /^[a-z]$/.test(key)) ? "shift+" : "";
  return ACTIONS.get(`${control ? "ctrl+" : ""}${shift}${key}`) ?? null;
}

/** The key of an action, for a tip: "B", "Ctrl+Z". */
export function keyOf(action) {
  const key = [...ACTIONS].find(([, does]) => does === action)?.[0];
  return key?.replace(/(^|\+)(.)/g, (_, plus, letter) => plus + letter.toUpperCase()) ?? "";
}
