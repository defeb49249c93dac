/** A heading's text without the permalink that stands in it. */
export function ownText(heading) {
  const copy = heading.cloneNode(true);
  for (const link of copy.querySelectorAll(".headerlink")) link.remove();
  return copy.textContent.trim();
}
