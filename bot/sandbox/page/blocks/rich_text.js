/** Slack's rich_text block as DOM nodes. Called by blocks.js and by tables; unknown elements are named, not hidden. */
import { h } from "../dom.js";
import { emoji, fromCodePoints } from "../emoji.js";
import { channelMention, formatDate, groupMention, link, userMention } from "../mrkdwn.js";

/** All elements of one rich_text block. */
export function richText(block, directory) {
  return h(
    "div",
    { class: "rich-text" },
    (block.elements ?? []).map((element) => container(element, directory)),
  );
}

function container(element, directory) {
  const children = () => (element.elements ?? []).map((child) => leaf(child, directory));
  switch (element.type) {
    case "rich_text_section":
      return h("div", { class: "rich-section" }, children());
    case "rich_text_preformatted":
      return h("pre", { class: "pre", tabindex: "0" }, children());
    case "rich_text_quote":
      return h("blockquote", {}, children());
    case "rich_text_list":
      return list(element, directory);
    default:
      return h("div", { class: "unknown" }, `Unknown rich text “${element.type}”`);
  }
}

function list(element, directory) {
  const ordered = element.style === "ordered";
  const start = ordered && element.offset ? element.offset + 1 : null;
  const depth = Math.min(8, element.indent ?? 0);
  return h(
    ordered ? "ol" : "ul",
    { class: `rich-list indent-${depth}`, start },
    (element.elements ?? []).map((item) =>
      h(
        "li",
        {},
        (item.elements ?? []).map((child) => leaf(child, directory)),
      ),
    ),
  );
}

function leaf(element, directory) {
  const node = bare(element, directory);
  const style = element.style ?? {};
  let styled = node;
  if (style.code) styled = h("code", {}, styled);
  if (style.strike) styled = h("s", {}, styled);
  if (style.italic) styled = h("em", {}, styled);
  if (style.bold) styled = h("strong", {}, styled);
  return styled;
}

function bare(element, directory) {
  switch (element.type) {
    case "text":
      return element.text ?? "";
    case "link":
      return link(element.url, element.text ?? element.url);
    case "user":
      return userMention(element.user_id, directory);
    case "channel":
      return channelMention(element.channel_id, directory);
    case "usergroup":
      return groupMention(element.usergroup_id, directory);
    case "broadcast":
      return h("span", { class: "mention me" }, `@${element.range}`);
    case "emoji":
      return h("span", { class: "emoji", title: `:${element.name}:` }, emojiOf(element));
    case "date":
      return date(element);
    case "color":
      return h(
        "span",
        { class: "color" },
        h("span", { class: "swatch", style: { "--swatch": element.value } }),
        element.value,
      );
    default:
      return h("span", { class: "unknown" }, `[${element.type}]`);
  }
}

function emojiOf(element) {
  if (/^[0-9a-f]+(-[0-9a-f]+)*$/i.test(element.unicode ?? "")) return fromCodePoints(element.unicode);
  return emoji(element.name) ?? `:${element.name}:`;
}

function date(element) {
  const when = new Date(element.timestamp * 1000);
  if (Number.isNaN(when.getTime())) return element.fallback ?? "";
  const time = h(
    "time",
    { datetime: when.toISOString(), title: when.toLocaleString() },
    formatDate(when, element.format ?? "{date_pretty}"),
  );
  return element.url ? link(element.url, time) : time;
}
