/*
 * The state of a view, written over the page's address when its reader pauses: browsers refuse a script that does so with
 * every key.
 */

const PAUSE = 300;

/** `later(address)` writes when nothing follows for a moment, `now()` what waits to be written. `address()` gives a URL. */
export function createAddressWriter() {
  let timer = 0;
  let waiting = null;
  const now = () => {
    clearTimeout(timer);
    if (waiting) history.replaceState(history.state, "", waiting());
    waiting = null;
  };
  return {
    now,
    later(address) {
      clearTimeout(timer);
      waiting = address;
      timer = setTimeout(now, PAUSE);
    },
    drop() {
      clearTimeout(timer);
      waiting = null;
    },
  };
}
