/**
 * Selects, checkboxes and radio buttons of Block Kit, on the browser's own controls (so keyboard and phone work).
 * Called by elements.js.
 */
import { h } from "../dom.js";
import { withEmoji } from "../emoji.js";
import { textObject } from "./blocks.js";
import { dispatch } from "./elements.js";

/** The control for `part`; registers its value with the form, or sends it at once. */
export function chooser(part, scene) {
  if (part.type === "checkboxes" || part.type === "radio_buttons") return boxes(part, scene);
  return part.type.startsWith("multi_") ? multiSelect(part, scene) : select(part, scene);
}

/** Every select as groups of { label, options: [{ value, text, fields }] }; `fields` is what Slack would send. */
function groupsOf(part, directory) {
  const kind = part.type.replace("multi_", "");
  const option = (one) => ({ value: one.value, text: withEmoji(one.text?.text ?? one.value), option: one });
  const entity = (id, name, option) => ({ value: id, text: name, option });
  if (kind === "users_select")
    return [{ options: directory.users().map((user) => entity(user.id, `@${directory.userName(user.id)}`, user.id)) }];
  if (kind === "conversations_select" || kind === "channels_select")
    return [
      {
        options: directory
          .channels()
          .filter((one) => !one.is_im)
          .map((one) => entity(one.id, `#${one.name}`, one.id)),
      },
    ];
  if (part.option_groups)
    return part.option_groups.map((group) => ({
      label: group.label?.text,
      options: (group.options ?? []).map(option),
    }));
  return [{ options: (part.options ?? []).map(option) }];
}

const ENTITY_FIELD = { users_select: "user", conversations_select: "conversation", channels_select: "channel" };

/** The names Slack uses for what was picked: selected_option(s), selected_user(s), selected_conversation(s)… */
function picked(part, chosen) {
  const many = part.type.startsWith("multi_");
  const noun = ENTITY_FIELD[part.type.replace("multi_", "")] ?? "option";
  return many ? { [`selected_${noun}s`]: chosen } : { [`selected_${noun}`]: chosen[0] ?? null };
}

function initialValues(part) {
  const one = part.initial_option?.value ?? part.initial_user ?? part.initial_conversation ?? part.initial_channel;
  const many =
    part.initial_options?.map((option) => option.value) ??
    part.initial_users ??
    part.initial_conversations ??
    part.initial_channels;
  return new Set(many ?? (one === undefined ? [] : [one]));
}

function select(part, scene) {
  const initial = initialValues(part);
  const known = new Map();
  const options = (list) =>
    list.map((one) => {
      known.set(one.value, one.option);
      const node = h("option", {}, one.text);
      node.value = one.value;
      node.selected = initial.has(one.value);
      return node;
    });
  const groups = groupsOf(part, scene.directory);
  const placeholder = h("option", {}, withEmoji(part.placeholder?.text ?? "Choose an option"));
  placeholder.value = "";
  const node = h(
    "select",
    {
      class: "select",
      id: scene.inputId,
      "aria-label": scene.inputId ? null : (part.placeholder?.text ?? "Choose an option"),
      "aria-required": scene.inputId && scene.required ? "true" : null,
      "aria-describedby": describedBy(scene),
      dataset: { focusKey: `${scene.blockId}/${part.action_id}` },
    },
    placeholder,
    groups.map((group) =>
      group.label ? h("optgroup", { label: group.label }, options(group.options)) : options(group.options),
    ),
  );
  if (part.type === "external_select") adoptInitial(part, node, known);
  const read = () => (node.value ? [known.get(node.value)] : []);
  scene.form?.register(
    scene,
    part,
    () => ({ type: part.type, ...picked(part, read()) }),
    (value) => restore(node, value),
  );
  let before = node.value;
  node.addEventListener("change", async () => {
    if (scene.inputId && !scene.dispatches) return;
    const sent = await dispatch(part, scene, node, picked(part, read()));
    if (!sent) node.value = before;
    before = node.value;
  });
  return h("span", { class: "select-box" }, node);
}

function adoptInitial(part, node, known) {
  for (const one of part.initial_option ? [part.initial_option] : []) {
    if (known.has(one.value)) continue;
    known.set(one.value, one);
    node.append(new Option(one.text.text, one.value, true, true));
  }
}

function restore(node, value) {
  const wanted =
    value.selected_option?.value ?? value.selected_user ?? value.selected_conversation ?? value.selected_channel ?? "";
  if ([...node.options].some((option) => option.value === wanted)) node.value = wanted;
}

const describedBy = (scene) => (scene.inputId ? `${scene.inputId}-hint ${scene.inputId}-error` : null);

/**
 * A group of tick boxes; several selects of Slack ("multi_…_select") are drawn as one too, in a short scrolling
 * list.
 */
function boxes(
  part,
  scene,
  groups = [{ options: (part.options ?? []).map((option) => ({ value: option.value, text: option.text, option })) }],
  read = null,
) {
  const type = part.type === "radio_buttons" ? "radio" : "checkbox";
  const name = `choice-${crypto.randomUUID()}`;
  const initial = initialValues(part);
  const inputs = [];
  const line = ({ value, text, option }) => {
    const box = h("input", { type, name, checked: initial.has(value) });
    inputs.push({ box, option, value });
    return h(
      "label",
      { class: "choice" },
      box,
      h(
        "span",
        {},
        h("span", {}, typeof text === "string" ? text : textObject(text, scene.directory)),
        option.description && h("span", { class: "choice-note" }, textObject(option.description, scene.directory)),
      ),
    );
  };
  const node = h(
    "div",
    {
      class: "choices",
      id: scene.inputId,
      role: type === "radio" ? "radiogroup" : "group",
      tabindex: scene.inputId ? "-1" : null,
      "aria-labelledby": scene.inputId ? `${scene.inputId}-label` : null,
      "aria-describedby": describedBy(scene),
    },
    groups.map((group) => [group.label && h("div", { class: "choices-label" }, group.label), group.options.map(line)]),
  );
  const chosen = () => inputs.filter(({ box }) => box.checked).map(({ option }) => option);
  const fields =
    read ?? ((options) => (type === "radio" ? { selected_option: options[0] ?? null } : { selected_options: options }));
  scene.form?.register(
    scene,
    part,
    () => ({ type: part.type, ...fields(chosen()) }),
    (value) => {
      const wanted = new Set(
        (value.selected_options ?? [value.selected_option]).filter(Boolean).map((option) => option.value),
      );
      for (const one of inputs) one.box.checked = wanted.has(one.value);
    },
  );
  node.addEventListener("change", () => {
    if (!scene.inputId || scene.dispatches) void dispatch(part, scene, node, fields(chosen()));
  });
  return node;
}

function multiSelect(part, scene) {
  const node = boxes(part, scene, groupsOf(part, scene.directory), (chosen) => picked(part, chosen));
  node.classList.add("choices-list");
  return node;
}
