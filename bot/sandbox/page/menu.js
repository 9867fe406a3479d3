/**
 * A small menu that hangs on a button, with arrow keys, Home, End, Esc and a click outside. Called by the overflow
 * element, personas and mischief.
 */
import { append, h } from "./dom.js";

let open = null;

/** Open a menu of { label, note?, checked?, choose() } under `anchor`; opening it again closes it. */
export function openMenu(anchor, items, { label = "Actions", above = false } = {}) {
  const wasMine = open?.anchor === anchor;
  closeMenu();
  if (wasMine) return;
  const node = h("div", { class: "menu", role: "menu", "aria-label": label });
  for (const item of items) append(node, entry(item));
  node.addEventListener("keydown", (event) => onKey(event, node, anchor));
  document.body.append(node);
  anchor.setAttribute("aria-expanded", "true");
  open = { anchor, node };
  place(node, anchor, above);
  (node.querySelector("[aria-checked=true]") ?? node.querySelector("button"))?.focus();
}

export function closeMenu({ refocus = false } = {}) {
  if (!open) return;
  const { anchor, node } = open;
  open = null;
  node.remove();
  anchor.setAttribute("aria-expanded", "false");
  if (refocus) anchor.focus();
}

function entry(item) {
  const choice =
    item.checked === undefined ? { role: "menuitem" } : { role: "menuitemradio", "aria-checked": String(item.checked) };
  return h(
    "button",
    {
      type: "button",
      class: "menu-item",
      tabindex: "-1",
      ...choice,
      onclick: () => {
        closeMenu({ refocus: true });
        item.choose();
      },
    },
    item.leading,
    h(
      "span",
      { class: "menu-words" },
      h("span", {}, item.label),
      item.note && h("span", { class: "menu-note" }, item.note),
    ),
  );
}

function onKey(event, node, anchor) {
  const entries = [...node.querySelectorAll("button")];
  const at = entries.indexOf(document.activeElement);
  const goTo = (index) => entries.at(index % entries.length)?.focus();
  const keys = {
    ArrowDown: () => goTo(at + 1),
    ArrowUp: () => goTo(at - 1),
    Home: () => goTo(0),
    End: () => goTo(-1),
    Escape: () => closeMenu({ refocus: true }),
    Tab: () => {
      closeMenu();
      anchor.focus();
    },
  };
  if (!keys[event.key]) return;
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

/** Keep the menu inside the window, above the anchor when there is no room below. */
function place(node, anchor, above) {
  const box = anchor.getBoundingClientRect();
  const size = node.getBoundingClientRect();
  const up = above || box.bottom + size.height + 8 > innerHeight;
  const top = up ? box.top - size.height - 6 : box.bottom + 6;
  node.style.setProperty("--x", `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`);
  node.style.setProperty("--y", `${Math.max(8, top)}px`);
}

document.addEventListener("pointerdown", (event) => {
  if (open && !open.node.contains(event.target) && !open.anchor.contains(event.target)) closeMenu();
});
