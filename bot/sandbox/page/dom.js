/**
 * The page's only way to make elements: h(), svg(), icon(), announce().
 * Called by every module here. User text goes in as text nodes only; nothing in this page ever sets innerHTML.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. `attrs`: class, dataset, on{event}, style (custom properties), booleans; null and false are left
 * out.
 */
export function h(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs ?? {})) setAttribute(node, name, value);
  append(node, children);
  return node;
}

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") node.className = value;
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "style") for (const [key, of] of Object.entries(value)) node.style.setProperty(key, of);
  else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Append strings and nodes, flattening arrays and leaving out null and false. */
export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

const STROKES = {
  hash: "M9 4 7 20M17 4l-2 16M4 9h17M3 15h17",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z",
  at: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zm0 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-3.5 7.1",
  send: "M4 12 3 4l18 8-18 8 1-8zm0 0h8",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  reply: "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  menu: "M4 6h16M4 12h16M4 18h16",
  cubes: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12 4 7.5",
  chevron: "M6 9l6 6 6-6",
  check: "M5 12.5l4.5 4.5L19 7",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  power: "M12 3v9M6.3 7a8 8 0 1 0 11.4 0",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6z",
  broken: "M3 7l9-4 9 4v10l-9 4-9-4zM12 3l-2 6 4 3-3 4 1 5",
  pause: "M8 5v14M16 5v14",
  cloud: "M7 18a4 4 0 0 1-.6-7.95A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.5zM12 11v3M12 16.5h.01",
  slow: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  panel: "M3 5h18v14H3zM15 5v14",
  image: "M4 5h16v14H4zM4 16l4-4 4 4 3-3 5 5M9 9h.01",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  help: "M9.5 9a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M12 17h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  // Kajitori's mark: a ship's wheel.
  helm: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 10.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM12 2v8.5M12 13.5V22M2 12h8.5M13.5 12H22M4.9 4.9l6 6M13.1 13.1l6 6M19.1 4.9l-6 6M10.9 13.1l-6 6",
};

/** An element of a drawing; attributes are set as they are. */
export function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** An icon as a stroked SVG of 24 units; decorative, so the button around it carries the label. */
export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    "aria-hidden": "true",
    class: "icon",
  }))
    svg.setAttribute(key, value);
  path.setAttribute("d", STROKES[name]);
  svg.append(path);
  return svg;
}

/** Say something to screen readers only. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

let toastTimer = 0;

/** A short word at the bottom of the page; `kind` is "ok" or "bad". */
export function toast(text, kind = "ok") {
  const node = document.getElementById("toast");
  replace(node, text);
  node.className = `toast shown ${kind}`;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    node.className = "toast";
  }, 5000);
}
