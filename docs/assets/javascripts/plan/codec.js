/*
 * A plan <-> the fragment of a link, which browsers send to no server. macros/plan_link.py writes the same form.
 *
 *   #plan=<base64url of the bytes>x
 *   bytes: version (1 byte) · CRC-32 of everything else (4, big-endian) · form (1: 0 plain, 1 raw deflate) · body
 *   body:  start · interview · title · days; each day: gap · items and note · its note · items
 *   item:  question number × 2, or 0 for an item of the reader's own, + 1 if it has a note · text and minutes if own · its note
 *
 * Version, checksum and the `x` stay where they are in every version to come, so that a link that was cut short or changed
 * on its way is told from a link of a newer version. The `x` is there because programs that turn addresses into links leave
 * out a final `-` or `_`, both of which base64url has. Numbers are unsigned LEB128, texts are UTF-8 after their length.
 */

import { LIMITS, parsePlan } from "./model.js";

export const PREFIX = "#plan=";
const VERSION = 1;
const END = "x";
/** Longer links are neither made nor read: characters of the bytes' text. */
const MAX_LINK = 16_000;
/** The most that a link may unfold into, in bytes. */
const MAX_BODY = 65_536;
const HEAD = 6;
const PLAIN = 0;
const DEFLATED = 1;
// A start of 0 is none, 1 is this day.
const EPOCH = LIMITS.firstDay;

/** Why a link is not read or made: `damaged`, `newer`, `old-browser`, or `long`. */
export class LinkError extends Error {
  constructor(reason) {
    super(`plan link: ${reason}`);
    this.reason = reason;
  }
}

/** A plan -> the fragment, `#` included. Rejects with a LinkError `long` where no link is long enough. */
export async function encode(plan) {
  const body = bodyOf(plan);
  if (body.length > MAX_BODY) throw new LinkError("long");
  const packed = await deflated(body);
  const [form, content] = packed && packed.length < body.length ? [DEFLATED, packed] : [PLAIN, body];
  if (HEAD + content.length > (MAX_LINK / 4) * 3) throw new LinkError("long");
  const bytes = new Uint8Array(HEAD + content.length);
  bytes[0] = VERSION;
  bytes[5] = form;
  bytes.set(content, HEAD);
  new DataView(bytes.buffer).setUint32(1, checksum(bytes));
  return PREFIX + toText(bytes) + END;
}

/** The fragment of a link -> its plan. Rejects with a LinkError. */
export async function decode(fragment) {
  if (!fragment.startsWith(PREFIX) || !fragment.endsWith(END)) throw new LinkError("damaged");
  if (fragment.length > PREFIX.length + MAX_LINK + END.length) throw new LinkError("damaged");
  const bytes = fromText(fragment.slice(PREFIX.length, -END.length));
  if (bytes.length <= HEAD || checksum(bytes) !== new DataView(bytes.buffer).getUint32(1)) throw new LinkError("damaged");
  if (bytes[0] > VERSION) throw new LinkError("newer");
  const content = bytes.subarray(HEAD);
  const body = bytes[5] === DEFLATED ? await inflated(content) : content;
  try {
    if (bytes[0] < VERSION || bytes[5] > DEFLATED) throw new RangeError("no such form");
    return parsePlan(planOf(body));
  } catch {
    throw new LinkError("damaged");
  }
}

// --- The body ---------------------------------------------------------------------------------------------------------

function bodyOf(plan) {
  const bytes = [];
  const number = (value) => {
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  const text = (value) => {
    const utf8 = new TextEncoder().encode(value);
    number(utf8.length);
    for (const byte of utf8) bytes.push(byte);
  };
  number(plan.start === null ? 0 : plan.start - EPOCH + 1);
  number(plan.interview === null ? 0 : plan.interview - plan.start + 1);
  text(plan.title);
  number(plan.days.length);
  let next = 0;
  for (const { offset, note, items } of plan.days) {
    number(offset - next);
    next = offset + 1;
    number(items.length * 2 + (note ? 1 : 0));
    if (note) text(note);
    for (const item of items) {
      number((item.question ?? 0) * 2 + (item.note ? 1 : 0));
      if (!("question" in item)) {
        text(item.text);
        number(item.minutes);
      }
      if (item.note) text(item.note);
    }
  }
  return new Uint8Array(bytes);
}

/** Reads the body; throws where it ends too early, goes on too long or says what no plan can. */
function planOf(bytes) {
  let at = 0;
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const number = () => {
    for (let value = 0, factor = 1; factor <= 128 ** 3; factor *= 128) {
      if (at >= bytes.length) throw new RangeError("too short");
      const byte = bytes[at++];
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError("too large a number");
  };
  const text = () => {
    const length = number();
    if (length > bytes.length - at) throw new RangeError("too short");
    at += length;
    return utf8.decode(bytes.subarray(at - length, at));
  };
  // Each entry takes a byte at least, so a count that the bytes cannot hold is none.
  const list = (count, read) => {
    if (count > bytes.length - at) throw new RangeError("too short");
    return Array.from({ length: count }, read);
  };
  const start = number();
  const interview = number();
  const title = text();
  let next = 0;
  const days = list(number(), () => {
    const offset = next + number();
    next = offset + 1;
    const head = number();
    const note = head % 2 ? text() : "";
    return { offset, note, items: list(Math.floor(head / 2), item) };
  });
  function item() {
    const head = number();
    const question = Math.floor(head / 2);
    const what = question ? { question } : { text: text(), minutes: number() };
    return { ...what, note: head % 2 ? text() : "" };
  }
  if (at !== bytes.length) throw new RangeError("too long");
  return {
    title,
    start: start ? start - 1 + EPOCH : null,
    interview: interview ? start - 1 + EPOCH + interview - 1 : null,
    days,
  };
}

// --- Bytes ------------------------------------------------------------------------------------------------------------

/** CRC-32 as in zlib, over everything but its own four bytes. */
function checksum(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    if (i > 0 && i < 5) continue;
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function toText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromText(text) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    throw new LinkError("damaged");
  }
  // What `atob` forgives, such as blanks and bits that say nothing, is no link of ours.
  if (toText(bytes) !== text) throw new LinkError("damaged");
  return bytes;
}

/** The bytes deflated, or null in a browser that cannot: links are then longer, and none is worse. */
async function deflated(bytes) {
  if (!("CompressionStream" in globalThis)) return null;
  let stream;
  try {
    stream = new CompressionStream("deflate-raw");
  } catch {
    return null;
  }
  return collect(new Blob([bytes]).stream().pipeThrough(stream), Infinity);
}

async function inflated(bytes) {
  let stream;
  try {
    stream = new DecompressionStream("deflate-raw");
  } catch {
    throw new LinkError("old-browser");
  }
  try {
    return await collect(new Blob([bytes]).stream().pipeThrough(stream), MAX_BODY);
  } catch {
    throw new LinkError("damaged");
  }
}

/** All of a stream; stops reading, and throws, as soon as there is more than `most` bytes of it. */
async function collect(stream, most) {
  const reader = stream.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel();
      throw new RangeError("too long");
    }
    chunks.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
