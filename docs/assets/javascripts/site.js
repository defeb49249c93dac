/*
 * Entry: all that it loads adds to pages that work without it. So they are seen first: of a slow connection the styles have all, of
 * a slow processor the text. In a tab that nobody looks at nothing is loaded until somebody does.
 */

requestAnimationFrame(() => setTimeout(() => import("./set-up.js")));
