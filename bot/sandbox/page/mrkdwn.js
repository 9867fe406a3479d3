/**
 * Slack's mrkdwn as DOM nodes: *bold* _it_ ~s~ `code` ```pre``` > quotes, bullets, links, mentions, dates, emoji.
 * Called by the block renderer and the message list with `directory` (who and what an id is).
 * It never parses HTML: every character a person typed ends in a text node, and only http, https and mailto become
 * links.
 */
import { h } from "./dom.js";
import { emoji, SHORTCODE, withEmoji } from "./emoji.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const BARE_URL = /https?:\/\/[^\s<>|"]+[^\s<>|".,;:!?)\]}'*_~]/y;
const CODE = /`([^`\n]+)`/y;
const CONTROL = /<([^<>\n]+)>/y;
const STYLES = { "*": "strong", _: "em", "~": "s" };
const BULLET = /^(\s*)([•◦▪▫-]|\d{1,3}[.)])\s+(?=\S)/;
const WORD = /[\p{L}\p{N}]/u;

/** Undo Slack's three escapes, once. */
export const unescape = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** Slack's three escapes, for text that a person typed. */
export const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The URL when it is one that a click may follow, else null ("javascript:", "data:" and relative ones are refused). */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that opens elsewhere, or its words alone when the address is not safe to follow. */
export function link(address, ...label) {
  const href = safeUrl(address);
  if (!href)
    return h("span", { class: "dead-link", title: "This page does not follow this kind of address" }, ...label);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...label);
}

/** A whole mrkdwn text as a list of nodes. `verbatim` leaves bare URLs alone, as Slack does. */
export function mrkdwn(text, directory, { verbatim = false } = {}) {
  const nodes = [];
  for (const [index, part] of String(text ?? "")
    .split("```")
    .entries()) {
    const fenced = index % 2 === 1;
    if (fenced && part.trim())
      nodes.push(h("pre", { class: "pre", tabindex: "0" }, codeText(part.replace(/^\n|\n$/g, ""), directory)));
    else if (!fenced && part) nodes.push(...lines(trimAround(part, index), directory, verbatim));
  }
  return nodes;
}

// The line feed next to a ``` fence belongs to the fence, else the block would stand between two empty lines.
const trimAround = (part, index) => (index > 0 ? part.replace(/^\n/, "") : part).replace(/\n$/, "");

function lines(text, directory, verbatim) {
  const nodes = [];
  let quote = null;
  let openEnded = false;
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    const marker = /^(?:&gt;|>)(?:(?:&gt;|>){2})? ?/.exec(line);
    if (marker || openEnded) {
      openEnded ||= /^(?:&gt;|>){3}/.test(line);
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append("\n");
      quote.append(...inline(line.slice(marker ? marker[0].length : 0), directory, verbatim));
      continue;
    }
    const item = bullet(line, directory, verbatim);
    if (index > 0 && !quote && !item && (!line || !isBlock(nodes.at(-1)))) nodes.push("\n");
    if (!line && BULLET.test(all[index + 1] ?? "")) nodes.push("\n"); // a line feed right before a block is not drawn
    quote = null;
    nodes.push(...(item ? [item] : inline(line, directory, verbatim)));
  }
  return nodes;
}

// A bullet's line stands on its own: a line feed beside it would leave a gap.
const isBlock = (node) => node instanceof Element && node.classList.contains("bullet");

function bullet(line, directory, verbatim) {
  const found = BULLET.exec(line);
  if (!found) return null;
  const depth = Math.min(3, Math.floor(found[1].length / 2));
  const mark = found[2] === "-" ? "–" : found[2];
  return h(
    "span",
    { class: `bullet depth-${depth}` },
    h("span", { class: "mark" }, `${mark} `),
    ...inline(line.slice(found[0].length), directory, verbatim),
  );
}

/** One line's worth of inline markup. */
export function inline(text, directory, verbatim = false) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(unescape(plain));
    plain = "";
  };
  for (let at = 0; at < text.length;) {
    const [node, next] = token(text, at, directory, verbatim);
    if (node === null) {
      plain += text.slice(at, next);
    } else {
      flush();
      nodes.push(node);
    }
    at = next;
  }
  flush();
  return nodes;
}

/** The node that begins at `at` and where it ends; [null, next] when it is plain text. */
function token(text, at, directory, verbatim) {
  const char = text[at];
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  let found;
  if (char === "`" && (found = match(CODE))) return [h("code", {}, codeText(found[1], directory)), CODE.lastIndex];
  if (char === "<" && (found = match(CONTROL))) return [control(found[1], directory), CONTROL.lastIndex];
  if (char === ":" && (found = match(SHORTCODE)) && emoji(found[1]))
    return [h("span", { class: "emoji", title: `:${found[1]}:` }, emoji(found[1])), SHORTCODE.lastIndex];
  if (char === "h" && !verbatim && !WORD.test(text[at - 1] ?? " ") && (found = match(BARE_URL)))
    return [link(unescape(found[0]), unescape(found[0])), BARE_URL.lastIndex];
  if (char in STYLES) {
    const end = closing(text, at);
    if (end > 0) return [h(STYLES[char], {}, ...inline(text.slice(at + 1, end), directory, verbatim)), end + 1];
  }
  return [null, at + 1];
}

/** Where the style opened at `at` closes, or -1. Slack wants a word boundary outside and no space inside. */
function closing(text, at) {
  const char = text[at];
  if (WORD.test(text[at - 1] ?? " ") || /[\s]|^$/.test(text[at + 1] ?? "") || text[at + 1] === char) return -1;
  for (let end = at + 1; end < text.length; end += 1) {
    for (const pattern of [CODE, CONTROL]) {
      pattern.lastIndex = end;
      if (pattern.test(text)) end = pattern.lastIndex;
    }
    if (text[end] === char && !/\s/.test(text[end - 1]) && !WORD.test(text[end + 1] ?? " "))
      return end > at + 1 ? end : -1;
  }
  return -1;
}

/** Text inside code: control sequences show their label, nothing else is markup. */
function codeText(text) {
  return unescape(text.replace(/<(https?:[^|<>]+|mailto:[^|<>]+)(?:\|([^<>]+))?>/g, (_, url, label) => label ?? url));
}

/** What stands between < and >: a mention, a date, a broadcast or a link. */
function control(body, directory) {
  const [target, ...rest] = body.split("|");
  const label = rest.length ? unescape(rest.join("|")) : null;
  if (/^@[UWB]/.test(target)) return userMention(target.slice(1), directory, label);
  if (/^#[CDG]/.test(target)) return channelMention(target.slice(1), directory, label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), directory, label);
  if (target.startsWith("!date^")) return slackDate(body);
  if (/^!(here|channel|everyone)$/.test(target)) return h("span", { class: "mention me" }, `@${target.slice(1)}`);
  if (target.startsWith("!")) return h("span", { class: "mention" }, label ?? target.slice(1));
  const url = unescape(target);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) return h("span", {}, unescape(`<${body}>`));
  return link(url, label === null ? url.replace(/^mailto:/, "") : withEmoji(label));
}

export function userMention(id, directory, label = null) {
  const name = directory.userName(id) ?? label?.replace(/^@/, "") ?? id;
  return h("span", { class: id === directory.me ? "mention me" : "mention" }, `@${name}`);
}

export function channelMention(id, directory, label = null) {
  const name = directory.channelName(id) ?? label?.replace(/^#/, "");
  if (!name) return h("span", { class: "mention" }, "#private-channel");
  return h("a", { class: "mention", href: `#${id}` }, `#${name}`);
}

export function groupMention(id, directory, label = null) {
  const name = directory.groupName(id) ?? label?.replace(/^@/, "") ?? id;
  return h("span", { class: directory.inGroup(id) ? "mention me" : "mention" }, `@${name}`);
}

/** `!date^epoch^format^link|fallback`, in the reader's own zone. */
function slackDate(body) {
  const bar = body.indexOf("|");
  const [, epoch, format, address] = (bar < 0 ? body : body.slice(0, bar)).split("^");
  const fallback = bar < 0 ? "" : unescape(body.slice(bar + 1));
  const when = new Date(Number(epoch) * 1000);
  if (!format || Number.isNaN(when.getTime())) return h("span", {}, fallback);
  const shown = formatDate(when, unescape(format));
  const time = h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, shown);
  return address ? link(unescape(address), time) : time;
}

/** Slack's date tokens; `{date_pretty}` says today and yesterday. */
export function formatDate(when, format, now = new Date()) {
  const say = (options) => when.toLocaleDateString(undefined, options);
  const short = () => say({ year: "numeric", month: "short", day: "numeric" });
  const normal = () => say({ year: "numeric", month: "long", day: "numeric" });
  const long = () => say({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
  const pretty = (otherwise) => relativeDay(when, now)?.toLowerCase() ?? otherwise();
  const tokens = {
    date_num: () =>
      [when.getFullYear(), when.getMonth() + 1, when.getDate()].map((part) => String(part).padStart(2, "0")).join("-"),
    date_slash: () => say({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date: normal,
    date_short: short,
    date_long: long,
    date_pretty: () => pretty(normal),
    date_short_pretty: () => pretty(short),
    date_long_pretty: () => pretty(long),
    time: () => clock(when),
    time_secs: () => when.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when, now),
  };
  return format.replace(/\{(\w+)\}/g, (typed, name) => tokens[name]?.() ?? typed);
}

export const clock = (when) => when.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });

/** "Today", "Yesterday", "Tomorrow" or null. */
export function relativeDay(when, now = new Date()) {
  const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const days = Math.round((midnight(when) - midnight(now)) / 86_400_000);
  return { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[days] ?? null;
}

/** "3 minutes ago", "in 2 hours". */
export function ago(when, now = new Date()) {
  const seconds = (when - now) / 1000;
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, length] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ])
    if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit);
  return words.format(Math.round(seconds), "second");
}
