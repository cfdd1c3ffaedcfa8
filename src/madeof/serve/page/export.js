// What can be taken away: JSON, CSV, COCO, label maps, a data set. Pure: regions in, text and bytes out.
//
// A photo here is {name, width, height, warnings, damaged, blob, items}, its items {region, answer}; `answer` is the
// service's, and `region.material` what a person says ("truth" in the files, as in `madeof predict`). No two photos have
// the same name, with or without suffix: see `fileName`.

import { greyPng, zip } from "./bytes.js";
import { area, bounds, paint, toRle } from "./masks.js";
import { materialOf } from "./regions.js";
import { maskOf, toRequest } from "./shapes.js";

const COLUMNS = [
  "image", "region", "area", "x0", "y0", "x1", "y1", "material", "score", "uncertain",
  "answer", "set", "notes", "error", "truth",
];

/** One JSON object a line for each photo, as `madeof predict --json`, with each region's shape and truth beside. */
export function toJson(photos, model) {
  const lines = photos.map((photo) => {
    const { name, width, height, warnings, damaged } = photo;
    const regions = photo.items.map(({ region, answer }) => {
      const truth = region.material ? { truth: region.material } : {};
      const told = { ...(answer ?? { error: "not answered" }), region: nameOf(region) };
      return { ...told, ...truth, shape: toRequest(region.shape) };
    });
    const extra = { ...(warnings?.length ? { warnings } : {}), ...(damaged ? { damaged } : {}) };
    return JSON.stringify({ image: name, model, width, height, ...extra, regions });
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** The columns of `madeof predict --csv`, and the truth. */
export function toCsv(photos) {
  const rows = photos.flatMap((photo) =>
    photo.items.map(({ region, answer }) => {
      const box = bounds(maskOf(region.shape, photo)) ?? ["", "", "", ""];
      const { material = "", score, uncertain = "", notes = [], error = "" } = answer ?? { error: "not answered" };
      const [relied, set] = [answer?.answer ?? "", answer?.set?.materials.join("; ") ?? ""];
      const shown = [material, score?.toFixed(6) ?? "", `${uncertain}`, relied, set, [...(photo.warnings ?? []), ...notes].join("; ")];
      const size = area(maskOf(region.shape, photo));
      return [photo.name, nameOf(region), size, ...box, ...shown, error, region.material ?? ""].map(safeCell);
    }),
  );
  return table([COLUMNS, ...rows]);
}

/** COCO instances: outlines where there are some, else compressed run lengths, as `madeof convert` writes them. */
export function toCoco(photos, version) {
  const ids = new Map();
  const annotations = [];
  photos.forEach((photo, i) => {
    for (const { region, answer } of photo.items) {
      const material = materialOf(region, answer);
      if (!material) continue;
      if (!ids.has(material)) ids.set(material, ids.size + 1);
      const mask = maskOf(region.shape, photo);
      const [x0, y0, x1, y1] = bounds(mask);
      annotations.push({
        id: annotations.length + 1, image_id: i + 1, category_id: ids.get(material), iscrowd: 0,
        segmentation: region.shape.polygon ? [region.shape.polygon.flat()] : toRle(mask),
        area: area(mask), bbox: [x0, y0, x1 - x0, y1 - y0],
        ...(region.material ? {} : { score: answer.score }),
      });
    }
  });
  return JSON.stringify({
    info: { description: "Regions and their materials", contributor: version },
    images: photos.map(({ name, width, height }, i) => ({ id: i + 1, file_name: name, width, height })),
    categories: [...ids].map(([name, id]) => ({ id, name })),
    annotations,
  });
}

/** A ZIP file with a photo's label map and the table of its numbers; every region has its material, guessed or said. */
export async function toLabelMap(photo, materials) {
  const numbers = numbering(materials);
  const labels = await labelMap(photo, ({ region, answer }) => numbers.of(materialOf(region, answer)));
  return zip([
    { name: `${stemOf(photo.name)}.png`, bytes: labels },
    { name: "materials.csv", bytes: numbers.csv() },
  ]);
}

/** How many regions have a material that a person has said. */
export function countSaid(photos) {
  return photos.reduce((sum, photo) => sum + photo.items.filter(({ region }) => region.material).length, 0);
}

/**
 * A ZIP file of a data set for `madeof train`: images/, labels/, materials.csv. Only the regions whose material a person
 * has said are in it: a model that learns its own guesses learns nothing.
 */
export async function toDataset(photos) {
  const numbers = numbering([]);
  const files = [];
  for (const photo of photos) {
    if (!photo.items.some(({ region }) => region.material)) continue;
    const labels = await labelMap(photo, ({ region }) => numbers.of(region.material));
    files.push(
      { name: `images/${photo.name}`, bytes: new Uint8Array(await photo.blob.arrayBuffer()) },
      { name: `labels/${stemOf(photo.name)}.png`, bytes: labels },
    );
  }
  return zip([...files, { name: "materials.csv", bytes: numbers.csv() }]);
}

/** Grey PNG: in each pixel the number of its material, 0 where there is none; small regions lie over large ones. */
function labelMap(photo, numberOf) {
  const items = photo.items.map((item) => ({ mask: maskOf(item.region.shape, photo), value: numberOf(item) }));
  items.sort((a, b) => area(b.mask) - area(a.mask));
  const most = Math.max(0, ...items.map((item) => item.value));
  const pixels = new (most > 255 ? Uint16Array : Uint8Array)(photo.width * photo.height);
  for (const { mask, value } of items) if (value) paint(mask, pixels, value);
  return greyPng(pixels, photo.width, photo.height);
}

/** Numbers for materials from 1 on, in the order in which they are asked for after those given. */
function numbering(materials) {
  const names = [...materials];
  return {
    of(name) {
      if (!name) return 0;
      if (!names.includes(name)) names.push(name);
      return names.indexOf(name) + 1;
    },
    csv: () => new TextEncoder().encode(table([["id", "name"], ...names.map((name, i) => [i + 1, name])])),
  };
}

export const nameOf = (region) => `region ${region.number}`;

export const stemOf = (name) => name.replace(/\.[^.]+$/, "") || "photo";

/**
 * The name of a photo as files can have it: no folders, no control characters, none of what some systems refuse; with a
 * suffix; and, without it and without regard to case, unlike those that are taken.
 */
export function fileName(name, type, taken) {
  const plain = name.normalize("NFC").replace(/[\p{C}/\\:*?"<>|]/gu, "_").replace(/^[.\s]+|[.\s]+$/g, "");
  const suffix = /\.[A-Za-z0-9]{1,5}$/.exec(plain)?.[0] ?? `.${type.split("/")[1]?.replace("jpeg", "jpg") || "jpg"}`;
  const stem = stemOf(plain.endsWith(suffix) ? plain : plain + suffix).slice(-100);
  const others = new Set(taken.map((other) => stemOf(other).toLowerCase()));
  let free = stem;
  for (let i = 2; others.has(free.toLowerCase()); i++) free = `${stem}-${i}`;
  return free + suffix;
}

/** Never a formula when a spreadsheet opens it. */
function safeCell(value) {
  const text = typeof value === "number" ? `${value}` : value.replace(/\p{C}/gu, " ");
  return typeof value === "string" && /^[=+\-@]/.test(text) ? `'${text}` : text;
}

function table(rows) {
  const cell = (value) => (/[",\r\n]/.test(`${value}`) ? `"${`${value}`.replaceAll('"', '""')}"` : `${value}`);
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}
