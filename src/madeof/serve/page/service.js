// The service's routes, as functions. Every failure is a Problem with one line for people.

export class Problem extends Error {
  /**
   * @param {string} kind as in the service's problem details ("photo", "busy", ...), or "offline"
   * @param {string} message one line
   */
  constructor(kind, message, { errors = [], wait = 0 } = {}) {
    super(message);
    this.kind = kind;
    this.errors = errors;
    this.wait = wait; // seconds to wait before trying again; 0 where that would not help
  }
}

export class Service {
  #token;
  #coverage = ""; // what is asked of sets, where the model has them

  constructor(token = null) {
    this.#token = token;
  }

  async model() {
    const model = await this.#send("GET", "v1/model");
    this.#coverage = model.sets ? "&coverage=0.9" : "";
    return model;
  }

  /** Encode a photo: {id, width, height, warnings?, damaged?}. */
  addPhoto(blob) {
    return this.#send("POST", "v1/images", { body: blob, type: blob.type || "application/octet-stream" });
  }

  /** What some regions of an encoded photo are made of: the answers in their order. */
  async regions(image, regions, signal) {
    const body = JSON.stringify({ regions: regions.map((region, i) => ({ ...region, name: `${i}` })) });
    try {
      const path = `v1/images/${encodeURIComponent(image)}/regions?top=5${this.#coverage}`;
      return (await this.#send("POST", path, { body, signal })).regions;
    } catch (problem) {
      // Where not one region can be used, the answer is a problem that says why of each.
      if (problem.kind !== "region" || problem.errors.length !== regions.length) throw problem;
      return problem.errors;
    }
  }

  /** The region around some points and not around others: {rle}. `size` makes it smaller (-) or larger (+). */
  select(image, points, outside, size, signal) {
    const body = JSON.stringify({ points, outside, size });
    return this.#send("POST", `v1/images/${encodeURIComponent(image)}/select`, { body, signal });
  }

  async #send(method, path, { body, type = "application/json", signal } = {}) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = type;
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    let response;
    try {
      response = await fetch(path, { method, body, headers, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem("offline", "the service does not answer: is `madeof serve` still running?", { wait: 2 });
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const kind = `${answer?.type ?? ""}`.split(":").at(-1) || "internal";
    const wait = response.status === 503 ? Math.max(1, Number(response.headers.get("Retry-After")) || 1) : 0;
    const message = answer?.detail ?? `the service answers ${response.status} ${response.statusText}`;
    throw new Problem(kind, message, { errors: answer?.errors, wait });
  }
}

/** The token that `madeof serve --token` prints in its address, kept while this tab is open and out of the address. */
export function takeToken(location, storage, history) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    storage.setItem("madeof-token", token);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return storage.getItem("madeof-token");
}
