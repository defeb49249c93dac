/*
 * Sends the reader of a page that has moved on to where its refresh leads, with the fragment and the query,
 * which a refresh alone would lose: /q/6/#hints arrives at the hints.
 *
 * The target is the page's own, never taken from the address, so that no link can lead to another site.
 */
const refresh = document.querySelector("meta[http-equiv=refresh]");
location.replace(refresh.content.replace(/^.*?url=/, "") + location.search + location.hash);
