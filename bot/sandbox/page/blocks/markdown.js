/**
 * The `markdown` block (common Markdown, as Slack takes it) as DOM nodes: headings, lists, tasks, tables, quotes,
 * code, links.
 * Called by blocks.js. Raw HTML in the text stays text.
 */
import { h } from "../dom.js";
import { withEmoji } from "../emoji.js";
import { link } from "../mrkdwn.js";

/** A whole Markdown text as nodes. */
export function markdown(text) {
  const rows = String(text ?? "")
    .replace(/\r\n?/g, "\n")
    .split("\n");
  const nodes = [];
  for (let at = 0; at < rows.length;) {
    const [node, next] = block(rows, at);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const SEPARATOR = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const starts = (line) => /^\s*$|^#{1,6}\s|^```|^\s*>|^(\s*[-*_]){3,}\s*$/.test(line) || ITEM.test(line);

/** The block that begins at row `at`, and the row after it. */
function block(rows, at) {
  const line = rows[at];
  if (/^\s*$/.test(line)) return [null, at + 1];
  if (line.startsWith("```")) return fence(rows, at);
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading)
    return [
      h(`h${Math.min(6, heading[1].length + 2)}`, { class: `md-h${heading[1].length}` }, inline(heading[2])),
      at + 1,
    ];
  if (/^(\s*[-*_]){3,}\s*$/.test(line)) return [h("hr"), at + 1];
  if (/^\s*>/.test(line))
    return gather(
      rows,
      at,
      (row) => /^\s*>/.test(row),
      (found) => h("blockquote", {}, markdown(found.map((row) => row.replace(/^\s*> ?/, "")).join("\n"))),
    );
  if (ITEM.test(line)) return gather(rows, at, (row) => ITEM.test(row) || /^\s+\S/.test(row), list);
  if (line.includes("|") && SEPARATOR.test(rows[at + 1] ?? ""))
    return gather(rows, at, (row) => row.includes("|"), table);
  return gather(
    rows,
    at,
    (row, index) => index === at || !starts(row),
    (found) => h("p", {}, inline(found.join("\n"))),
  );
}

function gather(rows, at, belongs, make) {
  let end = at;
  while (end < rows.length && belongs(rows[end], end)) end += 1;
  return [make(rows.slice(at, end)), end];
}

function fence(rows, at) {
  let end = at + 1;
  while (end < rows.length && !rows[end].startsWith("```")) end += 1;
  return [h("pre", { class: "pre", tabindex: "0" }, rows.slice(at + 1, end).join("\n")), end + 1];
}

/** Items nest by their indent; a deeper line without a marker continues its item. */
function list(rows) {
  const root = { indent: -1, node: h("div") };
  const open = [root];
  for (const row of rows) {
    const found = ITEM.exec(row);
    const last = open.at(-1);
    if (!found) {
      last.item?.append("\n", ...inline(row.trim()));
      continue;
    }
    const indent = found[1].length;
    while (open.length > 1 && indent < open.at(-1).indent) open.pop();
    if (indent > open.at(-1).indent) {
      const ordered = /\d/.test(found[2]);
      const node = h(ordered ? "ol" : "ul", { class: "rich-list", start: ordered ? parseInt(found[2], 10) : null });
      (open.at(-1).item ?? open.at(-1).node).append(node);
      open.push({ indent, node });
    }
    const task = /^\[([ xX])\]\s+(.*)$/.exec(found[3]);
    const box =
      task &&
      h("input", {
        type: "checkbox",
        disabled: true,
        checked: task[1] !== " ",
        "aria-label": task[1] === " " ? "not done" : "done",
      });
    open.at(-1).item = h("li", { class: task ? "task" : null }, box, inline(task ? task[2] : found[3]));
    open.at(-1).node.append(open.at(-1).item);
  }
  return root.node;
}

function table([head, separator, ...body]) {
  const cells = (row) =>
    row
      .trim()
      .replace(/^\||\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/\\\|/g, "|"));
  const aligns = cells(separator).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  const line = (row, tag) =>
    h(
      "tr",
      {},
      cells(row).map((cell, index) => h(tag, { class: `align-${aligns[index] ?? "left"}` }, inline(cell))),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0" },
    h(
      "table",
      {},
      h("thead", {}, line(head, "th")),
      h(
        "tbody",
        {},
        body.map((row) => line(row, "td")),
      ),
    ),
  );
}

// Longest marker first, so that ** is not read as * twice.
const SPANS = [
  [/\*\*(?=\S)([^]*?\S)\*\*/y, "strong"],
  [/__(?=\S)([^]*?\S)__/y, "strong"],
  [/~~(?=\S)([^]*?\S)~~/y, "s"],
  [/\*(?=\S)([^*\n]*?\S)\*/y, "em"],
  [/_(?=\S)([^_\n]*?\S)_(?!\w)/y, "em"],
];
const CODE = /(`+)([^]*?[^`])\1(?!`)/y;
const LINK = /!?\[([^\]\n]*)\]\(\s*<?([^\s<>)]+)>?(?:\s+"[^"\n]*")?\s*\)/y;
const AUTOLINK = /<?(https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]}'"*_~])>?/y;

function inline(text) {
  const nodes = [];
  let plain = "";
  const push = (node) => {
    if (plain) nodes.push(withEmoji(plain));
    plain = "";
    nodes.push(node);
  };
  for (let at = 0; at < text.length;) {
    const match = (pattern) => {
      pattern.lastIndex = at;
      return pattern.exec(text);
    };
    const styled = SPANS.map(([pattern, tag]) => ({
      pattern,
      tag,
      found: "*_~".includes(text[at]) ? match(pattern) : null,
    })).find(({ found }) => found);
    let found;
    if (text[at] === "\\" && /[\\`*_{}[\]()#+\-.!|~>]/.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
    } else if (text[at] === "`" && (found = match(CODE))) {
      push(h("code", {}, found[2]));
      at = CODE.lastIndex;
    } else if ("[!".includes(text[at]) && (found = match(LINK))) {
      push(link(found[2], withEmoji(found[1] || found[2])));
      at = LINK.lastIndex;
    } else if ("<h".includes(text[at]) && !/\w/.test(text[at - 1] ?? " ") && (found = match(AUTOLINK))) {
      push(link(found[1], found[1]));
      at = AUTOLINK.lastIndex;
    } else if (styled && !(text[at] === "_" && /\w/.test(text[at - 1] ?? " "))) {
      push(h(styled.tag, {}, inline(styled.found[1])));
      at = styled.pattern.lastIndex;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) nodes.push(withEmoji(plain));
  return nodes;
}
