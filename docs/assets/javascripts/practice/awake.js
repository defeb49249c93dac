/* A phone that puts its screen out hides the clock and its marks: while the clock runs it stays on, where the browser lets it. */

let lock = null;

/** Keep the screen on, or no longer. A tab that was hidden has lost its lock, and has to ask again. */
export function stayAwake(whether) {
  if (!whether) {
    lock?.then((held) => held?.release());
    lock = null;
  } else if (!lock && !document.hidden && navigator.wakeLock) {
    lock = navigator.wakeLock.request("screen").then(
      (held) => {
        held.addEventListener("release", () => {
          lock = null;
        });
        return held;
      },
      // Refused, as with a low battery: not asked again before the clock has been stopped.
      () => null,
    );
  }
}
