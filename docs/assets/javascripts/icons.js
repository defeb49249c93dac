/*
 * The icons of buttons, drawn into them. As images of a style sheet each would be a document of its own, which a browser opens while
 * it styles the page.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Each in a square of 24. */
const PATHS = {
  disclose: "M12 2.5 6.5 8H10v3h4V8h3.5zM4 11v2h16v-2zm6 2v3H6.5l5.5 5.5 5.5-5.5H14v-3z",
  enlarge: "M3 3h7v2H6.400l4.300 4.300-1.400 1.400L5 6.400V10H3zm18 18h-7v-2h3.600l-4.300-4.300 1.400-1.400 4.300 4.300V14h2z",
  link: "M10.6 13.4a1 1 0 0 1-1.4 1.4 5 5 0 0 1 0-7.1l3.5-3.5a5 5 0 0 1 7.1 7.1l-1.5 1.5a7 7 0 0 0-.4-2.4l.5-.5a3 3 0 0 0-4.3-4.3l-3.5 3.6a3 3 0 0 0 0 4.2m2.8-4.2a1 1 0 0 1 1.4 0 5 5 0 0 1 0 7.1l-3.5 3.5a5 5 0 0 1-7.1-7.1l1.5-1.5a7 7 0 0 0 .4 2.4l-.5.5a3 3 0 0 0 4.3 4.3l3.5-3.6a3 3 0 0 0 0-4.2 1 1 0 0 1 0-1.4",
  markdown: "M3 5h18a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2m1.500 11H7v-4l2 2.500 2-2.500v4h2.500V8H11L9 10.500 7 8H4.500zm13-8H16v4h-2.500l3.200 4 3.300-4h-2.500z",
  plan: "M19 3h-1V1h-2v2H8V1H6v2H5a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h14a2 2 0 0 0 2-2V5a2 2 0 0 0-2-2m0 16H5V9h14zm-8-1h2v-3h3v-2h-3v-3h-2v3H8v2h3z",
  practice: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18m0 2a7 7 0 1 0 0 14 7 7 0 0 0 0-14m-1 2h2v5l3.500 2.100-1 1.700L11 13z",
  sections: "M3 6h2v2H3zm4 0h14v2H7zm-4 5h2v2H3zm4 0h14v2H7zm-4 5h2v2H3zm4 0h14v2H7z",
};

/** An icon, of the color of the text beside it. What it shows is said by that, or by the name of its button. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(path);
  return drawing;
}
