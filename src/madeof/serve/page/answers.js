// Asks the service for the materials of shapes, and remembers what it said. No DOM.
//
// An answer is remembered by its shape, and a shape never changes: so an answer can never be shown for another shape than
// its own, undo has its answers at hand, and "stale" needs no bookkeeping. One request is under way at a time; what comes
// in meanwhile waits and goes out together. While one draws, only the newest draft waits.

const SETTLE = 25; // ms to wait for more before the first request goes out

export class Answers {
  #send;
  #tell;
  #known = new WeakMap();
  #wanted = new Set(); // shapes of the list
  #draft = null; // the newest shape being drawn
  #flight = null; // {shapes, stop}
  #timer = null;

  /**
   * @param {(shapes: object[], signal: AbortSignal) => Promise<object[]>} send
   * @param {(problem: Error | null) => void} tell called after every answer (null) and every failure
   */
  constructor(send, tell) {
    this.#send = send;
    this.#tell = tell;
  }

  /** The answer for a shape: {material, score, top, ...} or {error}; undefined while it is not known. */
  of(shape) {
    return this.#known.get(shape);
  }

  /** Answer all of these shapes, and no other that was wanted before. */
  want(shapes) {
    this.#draft = null;
    this.#wanted = new Set(shapes.filter((shape) => !this.#known.has(shape)));
    const useless = this.#flight && !this.#flight.shapes.some((shape) => this.#wanted.has(shape));
    if (useless) this.#flight.stop.abort(); // an old draft or a deleted region
    this.#soon();
  }

  /** Answer a shape that is still being drawn, unless it has changed by the time that its turn comes. */
  wantDraft(shape) {
    if (this.#known.has(shape)) return;
    this.#draft = shape;
    this.#soon();
  }

  /** Answer these shapes, and come back when all of them have an answer or one of them cannot get one. */
  async settle(shapes) {
    const missing = shapes.filter((shape) => !this.#known.has(shape));
    if (!missing.length) return;
    const answers = await this.#send(missing, undefined);
    missing.forEach((shape, i) => this.#learn(shape, answers[i]));
  }

  #soon(delay = SETTLE) {
    if (this.#timer === null && !this.#flight) this.#timer = setTimeout(() => this.#go(), delay);
  }

  async #go() {
    this.#timer = null;
    const shapes = [...this.#wanted, ...(this.#draft ? [this.#draft] : [])].slice(-500);
    if (!shapes.length) return;
    const flight = { shapes, stop: new AbortController() };
    this.#flight = flight;
    let wait = SETTLE;
    try {
      const answers = await this.#send(shapes.slice(), flight.stop.signal);
      shapes.forEach((shape, i) => this.#learn(shape, answers[i] ?? { error: "the service left this region out" }));
      this.#tell(null);
      wait = 0;
    } catch (problem) {
      if (problem.name !== "AbortError") {
        if (problem.wait) wait = problem.wait * 1000;
        else shapes.forEach((shape) => this.#learn(shape, { error: problem.message }));
        this.#tell(problem);
      }
    }
    this.#flight = null;
    if (this.#wanted.size || this.#draft) this.#soon(wait);
  }

  #learn(shape, answer) {
    this.#known.set(shape, answer);
    this.#wanted.delete(shape);
    if (this.#draft === shape) this.#draft = null;
  }
}
