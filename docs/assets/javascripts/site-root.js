/** The site's own address, with the slash at its end. */
export function siteRoot() {
  const { base } = JSON.parse(document.getElementById("__config").textContent);
  // On the page for wrong addresses it is a path that ends in a slash.
  return new URL(base.endsWith("/") ? base : `${base}/`, location.href);
}
