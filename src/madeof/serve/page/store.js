// Keeps photos and regions in this browser (IndexedDB), so that a reload loses nothing. They go nowhere else.

const [NAME, TABLE] = ["madeof", "photos"];

/** A store that keeps nothing, where the browser offers none (private windows of some browsers). */
const NOTHING = { all: async () => [], put: async () => {}, remove: async () => {}, shown: 0 };

export async function openStore() {
  try {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "key" });
    const database = await done(request);
    const table = (mode) => database.transaction(TABLE, mode).objectStore(TABLE);
    return {
      /** In the order in which they were opened. */
      all: () => done(table("readonly").getAll()),
      put: (row) => done(table("readwrite").put(row)),
      remove: (key) => done(table("readwrite").delete(key)),
      /** The key of the photo that was shown last. */
      get shown() {
        return Number(localStorage.getItem("madeof-shown"));
      },
      set shown(key) {
        localStorage.setItem("madeof-shown", `${key}`);
      },
    };
  } catch {
    return NOTHING;
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
