/*
 * The service worker that keeps the site on a reader's device, once they have asked for it (control.js).
 *
 * macros/offline.py puts `RELEASE` before this text and serves both as worker.js in the site's root. A cache holds one
 * release, and one only: a new one is fetched and checked in whole while the old one goes on answering, and takes its place
 * when no window shows the old one any more, or when the reader says so. One that cannot be had in whole changes nothing.
 */

/* global RELEASE */

const SCOPE = self.registration.scope;
// Sites of one owner share an origin, and so their caches.
const OURS = `llm-production-interviews.offline ${new URL(SCOPE).pathname} `;
const NAME = OURS + RELEASE;
const HASH = "x-content-sha256";
const LIST = "offline.json";
const AT_ONCE = 6;

const channel = new BroadcastChannel(OURS);

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  event.respondWith(answer(request));
});

/** Fetch every file of the release. Rejects, and so leaves what is there in its place, if one cannot be had as it should be. */
async function fill() {
  const list = await (await fetched(LIST)).json();
  // While a deployment spreads, the list may be older or newer than this text.
  if (list.release !== RELEASE) throw new Error(`the list is of release ${list.release}`);
  const cache = await caches.open(NAME);
  const earlier = [];
  for (const name of await caches.keys()) if (name.startsWith(OURS)) earlier.push(await caches.open(name));
  const left = [...list.files];
  let bytes = 0;
  const work = async () => {
    for (let file = left.shift(); file; file = left.shift()) {
      await keep(cache, earlier, file);
      bytes += file.bytes;
      channel.postMessage({ bytes, of: list.bytes });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } catch (error) {
    left.length = 0;
    // What has come so far is checked, so the next attempt begins with it; but a full disk needs its room back.
    if (error.name === "QuotaExceededError") await caches.delete(NAME);
    throw error;
  }
}

/** Put one file into the cache: as an earlier release, or an attempt that broke off, has it, or else fetched and checked. */
async function keep(cache, earlier, { address, sha256 }) {
  const url = SCOPE + address;
  for (const other of earlier) {
    const known = await other.match(url);
    if (known?.headers.get(HASH) !== sha256) continue;
    if (other !== cache) await cache.put(url, known);
    return;
  }
  const response = await fetched(address);
  const body = await response.arrayBuffer();
  if ((await digest(body)) !== sha256) throw new Error(`${address} is not of release ${RELEASE}`);
  // A response that came by a redirect could not answer a navigation; one of our own making can.
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  await cache.put(url, new Response(body, { headers: { "content-type": type, [HASH]: sha256 } }));
}

async function fetched(address) {
  const response = await fetch(SCOPE + address, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${response.status} for ${response.url}`);
  return response;
}

async function digest(body) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== NAME) await caches.delete(name);
  await self.clients.claim();
}

/** What the host would answer, from this release alone; what is not kept is asked of the network. */
async function answer(request) {
  const { origin, pathname, search } = new URL(request.url);
  const file = origin + pathname.replace(/\/index\.html$/, "/");
  // `cacheName` makes no cache that is not there, as opening one would after the reader has let go of it.
  const kept = await caches.match(file, { cacheName: NAME });
  if (kept) return kept;
  const isVisit = request.mode === "navigate";
  if (isVisit && (await caches.match(`${file}/`, { cacheName: NAME }))) return Response.redirect(`${file}/${search}`, 301);
  try {
    return await fetch(request);
  } catch (error) {
    const missing = isVisit && (await caches.match(`${SCOPE}404.html`, { cacheName: NAME }));
    if (!missing) return Response.error();
    return new Response(missing.body, { status: 404, headers: missing.headers });
  }
}
