/* Times, counts and names in words, in the site's language whatever the browser's. */

/** The categories by their names in an address, in the site's order. */
export const CATEGORIES = { conceptual: "Conceptual", technical: "Technical", "system-design": "System design", debugging: "Debugging" };

const DAY = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric" });
const FULL_DAY = new Intl.DateTimeFormat("en-US", { year: "numeric", month: "short", day: "numeric" });

/** The reader's own calendar day, as a number that orders days. */
export function dayNumber(date) {
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** "Nov 26", and with the year where it is not this one. */
export function dayText(date, now = new Date()) {
  return (date.getFullYear() === now.getFullYear() ? DAY : FULL_DAY).format(date);
}

/** "due today", "due since Nov 20", "Dec 4". */
export function dueText(due, now = new Date()) {
  const days = dayNumber(due) - dayNumber(now);
  if (days < 0) return `due since ${dayText(due, now)}`;
  return days ? dayText(due, now) : "due today";
}

/** Seconds as a clock shows them: "4:05", "61:00". */
export function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Seconds as a voice says them: "4 minutes 30 seconds". */
export function spokenTime(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  return [minutes && counted(minutes, "minute"), rest && counted(rest, "second")].filter(Boolean).join(" ") || "0 seconds";
}

export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
