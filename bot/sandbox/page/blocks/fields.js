/** Text, number, date and time fields of Block Kit. Called by elements.js. */
import { h } from "../dom.js";
import { dispatch } from "./elements.js";

const INPUT_TYPES = {
  number_input: "number",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
  datetimepicker: "datetime-local",
};
const VALUE_NAMES = {
  datepicker: "selected_date",
  timepicker: "selected_time",
  datetimepicker: "selected_date_time",
  rich_text_input: "rich_text_value",
};

/** The field for `part`; registers its value with the form, or sends it on change (pickers) or Enter (text). */
export function textField(part, scene) {
  const multiline = part.multiline === true || part.type === "rich_text_input";
  const node = h(multiline ? "textarea" : "input", {
    class: "text-input",
    id: scene.inputId,
    type: multiline ? null : (INPUT_TYPES[part.type] ?? "text"),
    rows: multiline ? 4 : null,
    placeholder: part.placeholder?.text,
    maxlength: part.max_length,
    min: part.min_value,
    max: part.max_value,
    step: part.type === "number_input" ? (part.is_decimal_allowed ? "any" : "1") : null,
    autocomplete: "off",
    "aria-required": scene.inputId && scene.required ? "true" : null,
    "aria-label": scene.inputId ? null : (part.placeholder?.text ?? part.type),
    "aria-describedby": scene.inputId ? `${scene.inputId}-hint ${scene.inputId}-error` : null,
    autofocus: part.focus_on_load === true,
    dataset: { focusKey: `${scene.blockId}/${part.action_id}` },
  });
  node.value = initial(part);
  const name = VALUE_NAMES[part.type] ?? "value";
  const read = () => ({ [name]: fromField(part, node.value) });
  scene.form?.register(
    scene,
    part,
    () => ({ type: part.type, ...read() }),
    (value) => {
      if (value[name] != null) node.value = toField(part, value[name]);
    },
  );
  const isPicker = name.startsWith("selected_");
  if (!scene.inputId || scene.dispatches) {
    node.addEventListener(isPicker ? "change" : "keydown", (event) => {
      if (isPicker || (event.key === "Enter" && !event.shiftKey && !multiline)) {
        event.preventDefault();
        void dispatch(part, scene, node, read());
      }
    });
  }
  return node;
}

function initial(part) {
  if (part.type === "datetimepicker" && part.initial_date_time) return toField(part, part.initial_date_time);
  return part.initial_value ?? part.initial_date ?? part.initial_time ?? "";
}

const pad = (number) => String(number).padStart(2, "0");

/** Slack's value to the browser's: datetimepicker is Unix seconds there, local wall time here. */
function toField(part, value) {
  if (part.type === "rich_text_input")
    return value.elements?.[0]?.elements?.map((one) => one.text ?? "").join("") ?? "";
  if (part.type !== "datetimepicker") return String(value);
  const when = new Date(value * 1000);
  return `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())}T${pad(when.getHours())}:${pad(when.getMinutes())}`;
}

function fromField(part, value) {
  if (!value) return null;
  if (part.type === "datetimepicker") return Math.floor(new Date(value).getTime() / 1000);
  if (part.type === "rich_text_input")
    return { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text: value }] }] };
  return value;
}
