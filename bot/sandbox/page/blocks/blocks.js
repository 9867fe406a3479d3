/**
 * Block Kit blocks as DOM nodes. Called by messages, threads and forms.
 * A `scene` says where we are: { directory, act(blockId, action) → {ok, error?}, form: Form or null }.
 * A block of an unknown type is shown as unknown with its JSON: a bot's author must see what Slack would refuse.
 */
import { h, icon } from "../dom.js";
import { withEmoji } from "../emoji.js";
import { mrkdwn, safeUrl } from "../mrkdwn.js";
import { chart } from "./chart.js";
import { element } from "./elements.js";
import { markdown } from "./markdown.js";
import { richText } from "./rich_text.js";

/** All blocks of a message, an attachment or a view. */
export function renderBlocks(blocks, scene) {
  return (blocks ?? []).map((block, index) =>
    renderBlock(block, { ...scene, blockId: block.block_id ?? `block-${index}` }),
  );
}

const RENDERERS = {
  section,
  header,
  context,
  divider,
  actions,
  image,
  input,
  table,
  data_visualization: chart,
  video,
  file,
  rich_text: (block, scene) => richText(block, scene.directory),
  markdown: (block) => h("div", { class: "markdown" }, markdown(block.text)),
  context_actions: actions,
};

function renderBlock(block, scene) {
  const render = Object.hasOwn(RENDERERS, block.type) ? RENDERERS[block.type] : unknown;
  const node = render(block, scene);
  node.classList.add("block", `block-${String(block.type).replace(/\W/g, "-")}`);
  node.dataset.blockId = scene.blockId;
  return node;
}

/** A text object: plain_text or mrkdwn. */
export function textObject(text, directory) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, directory, { verbatim: text.verbatim === true });
  return [text.emoji === false ? text.text : withEmoji(text.text ?? "")];
}

function section(block, scene) {
  const words = h(
    "div",
    { class: "section-text" },
    block.text && h("div", { class: "text" }, textObject(block.text, scene.directory)),
    block.fields &&
      h(
        "div",
        { class: "fields" },
        block.fields.map((field) => h("div", { class: "text" }, textObject(field, scene.directory))),
      ),
  );
  const accessory =
    block.accessory &&
    h("div", { class: `accessory accessory-${block.accessory.type}` }, element(block.accessory, scene));
  return h("div", {}, words, accessory);
}

function header(block, scene) {
  return h("h3", {}, textObject(block.text, scene.directory));
}

function context(block, scene) {
  return h(
    "div",
    {},
    (block.elements ?? []).map((part) =>
      part.type === "image"
        ? picture(part, "context-image")
        : h("span", { class: "text" }, textObject(part, scene.directory)),
    ),
  );
}

function divider() {
  return h("hr");
}

function actions(block, scene) {
  return h(
    "div",
    { role: "group" },
    (block.elements ?? []).map((part) => element(part, scene)),
  );
}

function image(block, scene) {
  return h(
    "figure",
    {},
    block.title && h("figcaption", {}, textObject(block.title, scene.directory)),
    picture(block, "block-picture"),
  );
}

/**
 * Images of this server are shown; those of other hosts are named and linked, since the page loads nothing from
 * elsewhere.
 */
export function picture(part, className) {
  const address = safeUrl(new URL(part.image_url ?? "", location.href).href);
  if (address && new URL(address).origin === location.origin)
    return h("img", { class: className, src: address, alt: part.alt_text ?? "", loading: "lazy" });
  const inside = [icon("image", className === "context-image" ? 14 : 18), h("span", {}, part.alt_text || "Image")];
  const title = "The sandbox loads nothing from other hosts";
  return address
    ? h(
        "a",
        { class: `picture-away ${className}-away`, href: address, target: "_blank", rel: "noopener noreferrer", title },
        inside,
      )
    : h("span", { class: `picture-away ${className}-away`, title }, inside);
}

function input(block, scene) {
  const id = `field-${crypto.randomUUID()}`;
  const fieldScene = { ...scene, inputId: id, dispatches: block.dispatch_action === true, required: !block.optional };
  return h(
    "div",
    { class: "field" },
    h(
      "label",
      { for: id, id: `${id}-label` },
      textObject(block.label, scene.directory),
      block.optional && h("span", { class: "optional" }, " (optional)"),
    ),
    element(block.element, fieldScene),
    block.hint && h("div", { class: "hint", id: `${id}-hint` }, textObject(block.hint, scene.directory)),
    h("div", { class: "field-error", id: `${id}-error`, role: "alert" }),
  );
}

function table(block, scene) {
  const [head, ...body] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  const cell = (part, index, tag) =>
    h(
      tag,
      { class: `align-${settings[index]?.align ?? "left"}${settings[index]?.is_wrapped ? " wrapped" : ""}` },
      part?.type === "rich_text" ? richText(part, scene.directory) : String(part?.text ?? ""),
    );
  const row = (parts, tag) =>
    h(
      "tr",
      {},
      (parts ?? []).map((part, index) => cell(part, index, tag)),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0" },
    h(
      "table",
      {},
      h("thead", {}, row(head, "th")),
      h(
        "tbody",
        {},
        body.map((parts) => row(parts, "td")),
      ),
    ),
  );
}

function video(block, scene) {
  return h(
    "div",
    {},
    h("strong", {}, textObject(block.title, scene.directory)),
    picture({ image_url: block.thumbnail_url, alt_text: block.alt_text }, "block-picture"),
  );
}

function file(block) {
  return h("div", { class: "picture-away" }, icon("image"), h("span", {}, `File ${block.external_id ?? ""}`));
}

/** Said as it is, with the JSON for whoever wants to know. */
export function unknown(block) {
  return h(
    "div",
    { class: "unknown" },
    h("div", {}, "This page does not know a block of type ", h("code", {}, String(block.type)), "."),
    h(
      "details",
      {},
      h("summary", {}, "Its JSON"),
      h("pre", { class: "pre", tabindex: "0" }, JSON.stringify(block, null, 2)),
    ),
  );
}

/** Legacy attachments: a coloured bar, author, title, text, fields, blocks and footer. */
export function renderAttachments(attachments, scene) {
  return (attachments ?? []).map((one) => attachment(one, scene));
}

const NAMED_COLOURS = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

function attachment(one, scene) {
  const colour =
    NAMED_COLOURS[one.color] ?? (/^#?[0-9a-f]{3,8}$/i.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : null);
  const words = (text) => h("div", { class: "text" }, mrkdwn(text, scene.directory));
  const title =
    one.title &&
    h(
      "div",
      { class: "attachment-title" },
      one.title_link ? mrkdwn(`<${one.title_link}|${one.title}>`, scene.directory) : withEmoji(one.title),
    );
  return h(
    "div",
    { class: "attachment-with-pretext" },
    one.pretext && words(one.pretext),
    h(
      "div",
      { class: "attachment", style: colour ? { "--bar": colour } : {} },
      one.author_name && h("div", { class: "attachment-author" }, one.author_name),
      title,
      !one.blocks?.length && one.text && words(one.text),
      one.fields &&
        h(
          "div",
          { class: "fields" },
          one.fields.map((field) =>
            h(
              "div",
              { class: field.short ? "text" : "text wide" },
              h("strong", {}, field.title),
              "\n",
              mrkdwn(field.value, scene.directory),
            ),
          ),
        ),
      renderBlocks(one.blocks, scene),
      one.image_url && picture({ image_url: one.image_url, alt_text: one.fallback ?? "Image" }, "block-picture"),
      !one.text &&
        !one.blocks?.length &&
        !one.title &&
        !one.fields &&
        one.fallback &&
        h("div", { class: "text" }, one.fallback),
      one.footer && h("div", { class: "attachment-footer" }, mrkdwn(one.footer, scene.directory)),
    ),
  );
}
