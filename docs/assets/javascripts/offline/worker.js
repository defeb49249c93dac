/*
 * The service worker that keeps the site on a reader's device, once they have asked for it (control.js).
 *
 * macros/offline.py puts `RELEASE` before this text and serves both as worker.js in the site's root. A cache holds one
 * release, and one only: a new one is fetched and checked in whole while the old one goes on answering, and takes its place
 * with the next visit when no other window shows the old one, or when the reader says so. One that cannot be had in whole
 * changes nothing.
 */

/* global RELEASE */

const SCOPE = self.registration.scope;
// Sites of one owner share an origin, and so their caches.
const OURS = `llm-production-interviews.offline ${new URL(SCOPE).pathname} `;
const NAME = OURS + RELEASE;
const LIST = "offline.json";
const AT_ONCE = 6;
/** Set where a cached response is compressed. */
const PACKED = "x-packed";
/** A page that asks for itself again. A refresh by header would stay where it is at an address with a fragment. */
const AGAIN = '<!doctype html><link rel="icon" href="data:,"><script>location.reload()</script>';

const channel = new BroadcastChannel(OURS);
/** Aborted when the reader wants no more files. */
let stopping = new AbortController();

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
  if (event.data === "fill") event.waitUntil(refill());
  if (event.data === "stop") stopping.abort();
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  event.respondWith(request.mode === "navigate" ? visit(event) : answer(request));
});

/** Fetch every file of the release. Rejects, and so leaves what is there in its place, if one cannot be had as it should be. */
async function fill() {
  stopping = new AbortController();
  const list = await (await fetched(LIST)).json();
  // While a deployment spreads, the list may be older or newer than this text.
  if (list.release !== RELEASE) throw new Error(`the list is of release ${list.release}`);
  await checkRoom(list.bytes);
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

/** Fetch again what the reader has let go of while a window kept this worker alive: it is not installed a second time. */
async function refill() {
  const whole = await fill().then(
    () => true,
    () => false,
  );
  channel.postMessage({ whole });
}

/** Rejects where the browser will not take the release. It would be fetched in vain, and again on every visit. */
async function checkRoom(bytes) {
  const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
  if (quota - usage < bytes) throw new Error(`no room for ${bytes} bytes`);
}

/**
 * Put one file into the cache: as an earlier release, or an attempt that broke off, has it, or else fetched. Its bytes say
 * whether it is the one: what lies in a cache may be damaged, or another site's of the origin.
 */
async function keep(cache, earlier, { address, sha256, packed }) {
  const url = SCOPE + address;
  for (const other of earlier) if (await take(await other.match(url))) return;
  if (!(await take(await fetched(address)))) throw new Error(`${address} is not of release ${RELEASE}`);

  async function take(response) {
    if (!response) return false;
    const body = await bodyOf(response).catch(() => null);
    if (!body || (await digest(body)) !== sha256) return false;
    // A response that came by a redirect could not answer a navigation; one of our own making can.
    const headers = { "content-type": response.headers.get("content-type") ?? "application/octet-stream" };
    // Browsers from before 2023 cannot pack, and keep it as it is.
    const isPacked = packed && "CompressionStream" in self;
    if (isPacked) headers[PACKED] = "gzip";
    await cache.put(url, new Response(isPacked ? await piped(body, new CompressionStream("gzip")) : body, { headers }));
    return true;
  }
}

/** The bytes of a file, whether it comes from the network or from a cache. Rejects where what a cache has is no file of ours. */
async function bodyOf(response) {
  const body = await response.arrayBuffer();
  return response.headers.has(PACKED) ? piped(body, new DecompressionStream("gzip")) : body;
}

/** What comes of bytes sent through a stream. */
function piped(body, stream) {
  return new Response(new Blob([body]).stream().pipeThrough(stream)).arrayBuffer();
}

/** A cached response as the host would give it. */
async function unpacked(response, status = 200) {
  const body = await bodyOf(response);
  return new Response(body, { status, headers: { "content-type": response.headers.get("content-type") } });
}

async function fetched(address) {
  const response = await fetch(SCOPE + address, { cache: "no-cache", signal: stopping.signal });
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

/** How often a newer release has been asked to answer in this one's place. It may take a moment, but not forever. */
let asked = 0;

/**
 * A page that is opened is of the newest release that is here: the one that waits takes over, unless another window shows
 * this one. Windows can stay open for months, and the reader may never come to the button again.
 */
async function visit(event) {
  const { request } = event;
  const { waiting } = self.registration;
  // What is no page may be a download, which the window that asks for it outlives.
  const isPage = request.destination === "document" && new URL(request.url).pathname.endsWith("/");
  if (waiting && isPage && asked < 10 && (await showsNoOther(event))) {
    asked += 1;
    waiting.postMessage("take over");
    return new Response(AGAIN, { headers: { "content-type": "text/html" } });
  }
  return answer(request);
}

/** Whether no window but the one that is being left has a page of this release. Chromium names that one by `clientId`. */
async function showsNoOther({ clientId, replacesClientId = "" }) {
  const windows = await self.clients.matchAll({ type: "window" });
  return windows.every(({ id }) => id === (replacesClientId || clientId));
}

/** What the host would answer, from this release alone; what is not kept, or cannot be read any more, is asked of the network. */
async function answer(request) {
  const { origin, pathname, search } = new URL(request.url);
  const file = origin + pathname.replace(/\/index\.html$/, "/");
  // `cacheName` makes no cache that is not there, as opening one would after the reader has let go of it.
  const kept = await caches.match(file, { cacheName: NAME });
  const whole = kept && (await unpacked(kept).catch(() => null));
  if (whole) return whole;
  const isVisit = request.mode === "navigate";
  if (isVisit && (await caches.match(`${file}/`, { cacheName: NAME }))) return Response.redirect(`${file}/${search}`, 301);
  try {
    return await fetch(request);
  } catch (error) {
    const missing = isVisit && (await caches.match(`${SCOPE}404.html`, { cacheName: NAME }));
    if (!missing) return Response.error();
    return unpacked(missing, 404);
  }
}
