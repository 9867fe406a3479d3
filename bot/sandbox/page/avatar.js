/**
 * The small picture of a person (initials on their colour) or of the bot (its wheel). Called by messages, sidebar
 * and menus.
 */
import { h, icon } from "./dom.js";

const HUES = 8;

/** The same id always gets the same colour. */
function hueOf(id) {
  let sum = 0;
  for (const char of String(id)) sum = (sum * 31 + char.charCodeAt(0)) % 9973;
  return sum % HUES;
}

/** `author` is { id, name, isBot }. Decorative: the name stands beside it. */
export function avatar(author, size = "") {
  if (author.id === "USLACKBOT")
    return h("span", { class: `avatar slackbot ${size}`, "aria-hidden": "true" }, icon("help", 20));
  if (author.isBot)
    return h("span", { class: `avatar bot ${size}`, "aria-hidden": "true" }, icon("helm", size === "small" ? 15 : 24));
  return h(
    "span",
    { class: `avatar hue-${hueOf(author.id)} ${size}`, "aria-hidden": "true" },
    [...author.name][0]?.toUpperCase() ?? "?",
  );
}
