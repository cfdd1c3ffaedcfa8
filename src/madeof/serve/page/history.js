// Undo and redo of a value that never changes in place. Pure.

const MOST = 200;

export class History {
  #past = [];
  #future = [];

  constructor(value) {
    this.present = value;
  }

  /** Make `value` the present one; what was undone before can no longer be redone. */
  push(value) {
    if (value === this.present) return;
    this.#past.push(this.present);
    if (this.#past.length > MOST) this.#past.shift();
    this.#future = [];
    this.present = value;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    if (!this.canUndo) return;
    this.#future.push(this.present);
    this.present = this.#past.pop();
  }

  redo() {
    if (!this.canRedo) return;
    this.#past.push(this.present);
    this.present = this.#future.pop();
  }
}
