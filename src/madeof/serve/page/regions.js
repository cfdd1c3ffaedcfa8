// The regions of a photo: a list that never changes in place, so that undo is to take the list before. Pure.
//
// A region is {id, number, shape, material}: `material` is what a person says that it is made of, null where nobody did.

import { shade } from "./colours.js";

/** @typedef {{id: string, number: number, shape: import("./shapes.js").Shape, material: string | null}} Region */

export function add(regions, shape) {
  const number = Math.max(0, ...regions.map((region) => region.number)) + 1;
  return [...regions, { id: `r${number}`, number, shape, material: null }];
}

/** The list with some fields of one region changed; the same list where there is nothing to change. */
export function change(regions, id, fields) {
  const same = (region) => Object.entries(fields).every(([name, value]) => region[name] === value);
  return regions.some((region) => region.id === id && !same(region))
    ? regions.map((region) => (region.id === id ? { ...region, ...fields } : region))
    : regions;
}

export function remove(regions, id) {
  return regions.filter((region) => region.id !== id);
}

export function find(regions, id) {
  return regions.find((region) => region.id === id) ?? null;
}

/** The region before or after another, round and round; the first where none is chosen. */
export function neighbour(regions, id, step) {
  const at = regions.findIndex((region) => region.id === id);
  if (at < 0) return regions.at(step > 0 ? 0 : -1) ?? null;
  return regions.at((at + step) % regions.length);
}

export const colourOf = (region) => shade(region.number - 1);

/** A score for people: no answer is 100% sure. The same words as in Python's `results.percent`. */
export function percent(score) {
  if (score > 0.995) return ">99%";
  return score < 0.005 && score > 0 ? "<1%" : `${Math.round(score * 100)}%`;
}

/** What a picture says of a region, such as "2 Wood 93%" or "2 unsure: Wood 43%". */
export function labelOf(region, answer) {
  if (region.material) return `${region.number} ${region.material}`;
  if (!answer) return `${region.number}`;
  if (answer.error) return `${region.number} !`;
  return `${region.number} ${answer.uncertain ? "unsure: " : ""}${answer.material} ${percent(answer.score)}`;
}

/** The material of a region: a person's word, else the model's, else null. */
export function materialOf(region, answer) {
  return region.material ?? answer?.material ?? null;
}
