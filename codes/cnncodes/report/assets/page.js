
"use strict";

function readData(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

function unpack(text, kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = kind.BYTES_PER_ELEMENT;
  const values = new kind(bytes.length / size);
  for (let i = 0; i < values.length; i += 1) {
    if (size === 1) values[i] = bytes[i];
    else if (kind === Float32Array) values[i] = view.getFloat32(4 * i, true);
    else values[i] = size === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
  }
  return values;
}

function readColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function isDark() {
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function onScheme(redraw) {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/* Tables that are sorted by a press on a heading. */

function sortTable(table, column, heading) {
  const falls = heading.getAttribute("aria-sort") === "ascending";
  const key = (row) => {
    const cell = row.cells[column];
    const value = cell.dataset.value;
    if (value === undefined) return cell.textContent;
    return value === "" ? -Infinity : Number(value);
  };
  const compare = (a, b) =>
    typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).map((row) => [key(row), row]);
  rows.sort((a, b) => (falls ? compare(b[0], a[0]) : compare(a[0], b[0])));
  body.append(...rows.map((pair) => pair[1]));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => sortTable(table, column, heading));
  });
}

/* What scrolls is reached by keyboard, and what does not is passed over. */

function markScrolling() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
markScrolling();
window.addEventListener("resize", markScrolling);
document.addEventListener("toggle", markScrolling, true);

/* Class activation maps, shown or not. */

const showMaps = document.getElementById("show-maps");
if (showMaps) {
  const apply = () => document.body.classList.toggle("hide-maps", !showMaps.checked);
  showMaps.addEventListener("change", apply);
  apply();
}

/* Nearest training images below each image, unfolded or not; a single one is unfolded by itself. */

const showNearest = document.getElementById("show-nearest");
if (showNearest) {
  const apply = () => {
    for (const box of document.querySelectorAll("details.nearest")) box.open = showNearest.checked;
  };
  showNearest.addEventListener("change", apply);
  if (showNearest.checked) apply(); // as a browser may have kept it
}

/* On paper nothing unfolds: tables are, but for the nearest images, which have a switch of their own. */

let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not(.nearest):not([open])")];
  for (const box of folded) box.open = true;
});
window.addEventListener("afterprint", () => {
  for (const box of folded) box.open = false;
});
