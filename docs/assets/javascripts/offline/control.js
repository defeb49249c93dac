/*
 * The control with which a reader keeps the site on their device, lets a newer edition take over, or lets go of it. Until
 * its button is pressed no worker is registered and nothing is kept.
 */

import { fetchJson, siteRoot } from "../catalog.js";
import { button, element } from "../dom.js";
import { addStyles } from "../styles.js";
import { workerAddress } from "../trusted.js";

const root = siteRoot();
/** As in worker.js: the caches of this site, and of no other on the same origin. */
const OURS = `llm-production-interviews.offline ${root.pathname} `;

const REFUSED = "This browser refuses what it takes to keep a site. Its settings may forbid sites to keep anything.";

/** Aborted when the reader lets go: what becomes of that registration afterward is not told of any more. */
let following = new AbortController();

/** Fill `place`, which is empty and stays so without scripts. */
export function setUpOffline(place) {
  addStyles("offline");
  const view = createView();
  place.append(...view.elements);
  begin(view).catch(() => view.say(REFUSED));
}

function createView() {
  const status = element("p", { className: "offline__status", role: "status" });
  const progress = element("progress", { "aria-label": "Bytes of the site that are here", hidden: true });
  const buttons = element("div", { className: "offline__buttons" });
  return {
    elements: [status, progress, buttons],
    say(text) {
      status.textContent = text;
    },
    advance(bytes, of) {
      progress.hidden = bytes === null;
      if (bytes === null) return;
      progress.max = of;
      progress.value = bytes;
    },
    /** The only buttons there are, each as [label, action]; the keyboard stays with the first if it was at one. */
    offer(...actions) {
      const hadFocus = buttons.contains(document.activeElement);
      buttons.replaceChildren(
        ...actions.map(([label, action]) =>
          button(label, "tool offline__button", ({ detail }) => {
            // The second click of a double one would fall on the button that has taken this one's place.
            if (detail < 2) Promise.resolve(action()).catch(() => this.say(REFUSED));
          }),
        ),
      );
      if (hadFocus) buttons.querySelector("button")?.focus();
    },
  };
}

async function begin(view) {
  if (!("serviceWorker" in navigator) || !("caches" in window)) {
    view.say("This browser does not let a site be kept here: a private window may be the reason, or an address without https.");
    return;
  }
  const registration = await registered();
  if (registration?.active && !(await ownCaches()).length) {
    await letGo();
    await offerToKeep(view, "The browser has cleared away what was kept on this device.");
  } else if (registration) {
    follow(view, registration);
    show(view, registration);
    // A newer edition is noticed on any visit to any page; here at once. Without a network there is none to be noticed.
    registration.update().catch(() => {});
  } else {
    await offerToKeep(view, "Nothing is kept on this device.");
  }
}

/** The registration of this very site, not one of the origin's root. */
async function registered() {
  const registration = await navigator.serviceWorker.getRegistration(root);
  return registration?.scope === root.href ? registration : undefined;
}

async function offerToKeep(view, said) {
  view.advance(null);
  let bytes;
  try {
    ({ bytes } = await fetchJson(new URL("offline.json", root)));
  } catch {
    view.say("The list of the site's files cannot be had: there is no network, or this copy of the site was not finished.");
    view.offer();
    return;
  }
  view.say(said);
  view.offer([`Keep this site offline (${megabytes(bytes)})`, () => keep(view, bytes)]);
}

async function keep(view, bytes) {
  following = new AbortController();
  const { signal } = following;
  sayFetching(view);
  const { quota, usage } = (await navigator.storage?.estimate?.().catch(() => {})) ?? {};
  if (quota - usage < bytes) {
    const room = megabytes(quota - usage);
    await offerToKeep(view, `Nothing is kept: ${megabytes(bytes)} are needed, and the browser leaves this site ${room}.`);
    return;
  }
  // So that the browser does not clear it away when space gets short. Whatever it answers, the site can be kept.
  navigator.storage?.persist?.().catch(() => {});
  try {
    const registration = await navigator.serviceWorker.register(workerAddress(), { scope: root.pathname });
    if (signal.aborted) {
      await letGo();
      return;
    }
    follow(view, registration);
    if (registration.active && !(await ownCaches()).length) registration.active.postMessage("fill");
    else show(view, registration);
  } catch {
    await failed(view);
  }
}

async function failed(view) {
  await letGo();
  await offerToKeep(view, "Nothing is kept: the site did not come in whole. The network may have broken off, or the device be full. Try again.");
}

/** Tell of everything that happens to the registration from now on, until the reader lets go of it. */
function follow(view, registration) {
  following = new AbortController();
  const { signal } = following;
  const channel = new BroadcastChannel(OURS);
  channel.addEventListener("message", ({ data }) => {
    // Whatever else has this origin may send something, too.
    if (data?.whole === true) show(view, registration);
    else if (data?.whole === false) failed(view);
    else if (Number.isFinite(data?.bytes) && Number.isFinite(data.of)) view.advance(data.bytes, data.of);
  });
  signal.addEventListener("abort", () => channel.close());
  const attend = (worker) => {
    let isWhole = worker.state !== "installing";
    const tell = () => {
      isWhole ||= worker.state === "installed";
      if (worker.state !== "redundant") show(view, registration);
      else if (!registration.active) failed(view);
      // One that had come in whole is only being replaced.
      else if (!isWhole) show(view, registration, "A newer edition could not be fetched in whole. ");
    };
    worker.addEventListener("statechange", tell, { signal });
  };
  // The one that waits may be told to take over in another window.
  for (const worker of [registration.installing, registration.waiting]) if (worker) attend(worker);
  const found = () => {
    attend(registration.installing);
    show(view, registration);
  };
  registration.addEventListener("updatefound", found, { signal });
}

function sayFetching(view) {
  view.say("Fetching the site …");
  view.offer(["Stop", () => remove(view, "Stopped: nothing is kept on this device.")]);
}

/** What is the case now, after `first`, and what can be done about it. */
function show(view, registration, first = "") {
  const { active, installing, waiting } = registration;
  const forget = ["Remove it from this device", () => remove(view, "Removed: nothing is kept on this device.")];
  if (!installing) view.advance(null);
  if (waiting) {
    view.say(
      "A newer edition is here in whole. It takes over with the next page you open when no other window of this site is open, or now.",
    );
    view.offer(["Use the newer edition", () => takeOver(waiting)], forget);
  } else if (installing && active) {
    view.say("A newer edition is being fetched. The one you have stays until it is whole.");
    view.offer(forget);
  } else if (installing) {
    sayFetching(view);
  } else if (active) {
    view.say(`${first}The site is kept on this device and works without a network.`);
    view.offer(forget);
  }
}

function takeOver(waiting) {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  waiting.postMessage("take over");
}

async function remove(view, said) {
  await letGo();
  await offerToKeep(view, said);
}

async function letGo() {
  following.abort();
  const registration = await registered();
  // The browser takes back nothing that is being installed, and so would fetch all of it first.
  for (const worker of [registration?.installing, registration?.active]) worker?.postMessage("stop");
  await registration?.unregister();
  for (const name of await ownCaches()) await caches.delete(name);
}

async function ownCaches() {
  return (await caches.keys()).filter((name) => name.startsWith(OURS));
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;
}
