/*
 * What a reader keeps, in localStorage: one shelf a subject, as JSON with the version of its form. Nothing that was there is
 * lost: what cannot be read is set aside under another name, and what cannot be written stays for as long as the page is open.
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

/**
 * The shelf `name`. `parse(value)` turns what was stored, of any age, into today's value, or throws where it is not one;
 * `empty()` gives the value of a shelf on which nothing lies. Values are plain JSON and are never changed in place.
 *
 * - `read()`: the value, as the storage has it now.
 * - `update(change)`: reads, lets `change(value)` return the next value, writes it. Reading and writing are one step, so two
 *   tabs that update different parts of a value keep both. Returns the new value.
 * - `subscribe(listener)`: calls it with every new value, from this tab or another; returns a function that ends it.
 * - `problem()`: null; or `"damaged"` (what was stored is set aside under `asideKey`), `"forbidden"` or `"full"` (what is
 *   new is kept only until the page is closed).
 * - `aside()`: the text that was set aside as damaged, on this or an earlier day; null if there is none.
 */
export function createShelf(name, { parse, empty }) {
  const key = `${PREFIX}.${name}`;
  const asideKey = `${key}.damaged`;
  const listeners = new Set();
  let unsaved = null;
  let trouble = null;

  function read() {
    if (unsaved) return unsaved.value;
    let text;
    try {
      text = localStorage.getItem(key);
    } catch {
      trouble = "forbidden";
      return empty();
    }
    if (text === null) return empty();
    try {
      return parse(JSON.parse(text));
    } catch {
      setAside(text);
      return empty();
    }
  }

  /** A damaged value is moved before anything is written in its place; the first one stays, as the likelier to matter. */
  function setAside(text) {
    trouble = "damaged";
    try {
      if (localStorage.getItem(asideKey) === null) localStorage.setItem(asideKey, text);
    } catch {
      // It stays where it is until there is room, and what is new stays in memory.
      unsaved = { value: empty() };
      trouble = "full";
    }
  }

  function update(change) {
    const value = change(read());
    try {
      localStorage.setItem(key, JSON.stringify(value));
      unsaved = null;
      if (trouble !== "damaged") trouble = null;
    } catch (error) {
      unsaved = { value };
      trouble = error?.name === "QuotaExceededError" ? "full" : "forbidden";
    }
    for (const listener of listeners) listener(value);
    return value;
  }

  addEventListener("storage", (event) => {
    if (event.key !== key && event.key !== null) return;
    const value = read();
    for (const listener of listeners) listener(value);
  });

  return {
    read,
    update,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    problem: () => trouble,
    aside() {
      try {
        return localStorage.getItem(asideKey);
      } catch {
        return null;
      }
    },
    asideKey,
  };
}
