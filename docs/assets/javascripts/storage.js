/*
 * What a reader keeps, in localStorage: one shelf a subject, as JSON with the version of its form. Nothing that was there is
 * lost: what cannot be read is set aside under another name, what a later edition of the site has written is left alone, and
 * what cannot be written stays for as long as the page is open.
 */

const PREFIX = "llm-production-interviews";

/** Whether anything lies on the shelf `name`: cheap, so that a page loads what reads it only where there is something to read. */
export function hasShelf(name) {
  try {
    return localStorage.getItem(`${PREFIX}.${name}`) !== null;
  } catch {
    return false;
  }
}

/** What `parse` throws at a value that a later edition of the site has stored. */
class NewerForm extends Error {
  newer = true;
}

/** Throw where `value` does not say that it has the form `version`: a NewerForm where it has a later one, else a TypeError. */
export function checkForm(value, version) {
  if (Number.isInteger(value?.version) && value.version > version) throw new NewerForm();
  if (value?.version !== version) throw new TypeError(`not of version ${version}`);
}

/**
 * The shelf `name`. `parse(value)` turns what was stored, of any age, into today's value, or throws where it is not one; an
 * error whose `newer` is true says that a later edition of the site has stored it. `empty()` gives the value of a shelf on
 * which nothing lies. Values are plain JSON and are never changed in place.
 *
 * - `empty()`: as given.
 * - `read()`: the value, as the storage has it now, with what it did not take.
 * - `update(change)`: reads, lets `change(value)` return the next value, writes it. Reading and writing are one step, so two
 *   tabs that update different parts of a value keep both. A change that the storage does not take is made again, on what it
 *   has by then, with the next: `change` is pure. Returns the new value.
 * - `subscribe(listener)`: calls it with every new value, from this tab or another; returns a function that ends it.
 * - `problem()`: null; or `"damaged"` (what was stored is set aside under `asideKey`), `"forbidden"`, `"full"` or `"newer"`
 *   (what is new is kept only until the page is closed).
 * - `aside()`: the text that was set aside as damaged, on this or an earlier day; null if there is none. `forgetAside()`
 *   deletes it.
 */
export function createShelf(name, { parse, empty }) {
  const key = `${PREFIX}.${name}`;
  const asideKey = `${key}.damaged`;
  const listeners = new Set();
  // Changes that are not in the storage, the first one first.
  let pending = [];
  let refused = null;
  let damaged = false;

  /** The value in the storage, and whether another may take its place. */
  function stored() {
    let text;
    try {
      text = localStorage.getItem(key);
    } catch {
      refused = "forbidden";
      return { value: empty(), free: false };
    }
    if (text === null) return { value: empty(), free: true };
    try {
      return { value: parse(JSON.parse(text)), free: true };
    } catch (error) {
      if (error?.newer) {
        refused = "newer";
        return { value: empty(), free: false };
      }
      return { value: empty(), free: setAside(text) };
    }
  }

  const withPending = (value) => pending.reduce((current, change) => change(current), value);

  function read() {
    return withPending(stored().value);
  }

  /** A damaged value is copied before anything is written in its place, behind what was set aside before it. */
  function setAside(text) {
    damaged = true;
    try {
      const before = localStorage.getItem(asideKey);
      if (before === null) localStorage.setItem(asideKey, text);
      else if (!before.includes(text)) localStorage.setItem(asideKey, `${before}\n${text}`);
      return true;
    } catch {
      // It stays where it is until there is room, and what is new stays in memory.
      refused = "full";
      return false;
    }
  }

  function update(change) {
    const { value: before, free } = stored();
    const value = change(withPending(before));
    if (free && write(value)) pending = [];
    else pending.push(change);
    tell(value);
    return value;
  }

  function write(value) {
    try {
      const text = JSON.stringify(value);
      // A shelf on which nothing lies is none: see `hasShelf`.
      if (text === JSON.stringify(empty())) localStorage.removeItem(key);
      else localStorage.setItem(key, text);
      refused = null;
      return true;
    } catch (error) {
      refused = error?.name === "QuotaExceededError" ? "full" : "forbidden";
      return false;
    }
  }

  function tell(value) {
    for (const listener of listeners) listener(value);
  }

  addEventListener("storage", (event) => {
    if (event.key === key || event.key === null) tell(read());
  });

  // A page that the browser kept for the way back was told of nothing that happened meanwhile.
  addEventListener("pageshow", (event) => {
    if (event.persisted) tell(read());
  });

  return {
    empty,
    read,
    update,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    problem: () => refused ?? (damaged ? "damaged" : null),
    aside() {
      try {
        return localStorage.getItem(asideKey);
      } catch {
        return null;
      }
    },
    forgetAside() {
      try {
        localStorage.removeItem(asideKey);
      } catch {
        // Then there is none, either.
      }
    },
    asideKey,
  };
}
