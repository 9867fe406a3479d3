/**
 * Block Kit's interactive elements: buttons, selects, menus, choices, dates and text fields.
 * Called by blocks.js. In a message or an actions block a change is sent at once (scene.act); in an input block of a
 * form the
 * value is only registered with the form, and sent at once too when the block says `dispatch_action`.
 */
import { h, icon, toast } from "../dom.js";
import { confirmDialog } from "../dialogs.js";
import { openMenu } from "../menu.js";
import { safeUrl } from "../mrkdwn.js";
import { picture, textObject, unknown } from "./blocks.js";
import { chooser } from "./choices.js";
import { textField } from "./fields.js";

const SELECTS = /^(multi_)?(static|external|users|conversations|channels)_select$/;
const TEXT_FIELDS = new Set([
  "plain_text_input",
  "rich_text_input",
  "number_input",
  "email_text_input",
  "url_text_input",
  "datepicker",
  "timepicker",
  "datetimepicker",
]);

/** One element. `part` is its JSON. */
export function element(part, scene) {
  if (part.type === "button" || part.type === "workflow_button") return button(part, scene);
  if (part.type === "icon_button")
    return button({ ...part, text: part.text ?? { type: "plain_text", text: part.icon } }, scene);
  if (part.type === "overflow") return overflow(part, scene);
  if (part.type === "image") return picture(part, "accessory-picture");
  if (part.type === "checkboxes" || part.type === "radio_buttons" || SELECTS.test(part.type))
    return chooser(part, scene);
  if (TEXT_FIELDS.has(part.type)) return textField(part, scene);
  return unknown(part);
}

const actionId = (part) => part.action_id ?? part.type;

/**
 * Send one action and keep `control` busy meanwhile. Asks first when the element carries a `confirm`.
 * Returns false when nothing was sent: the person said no, or the click before is still under way.
 * Busy is said with aria-disabled, since `disabled` would take the focus away from whoever uses the keyboard.
 */
export async function dispatch(part, scene, control, fields) {
  if (control.ariaBusy === "true") return false;
  if (part.confirm && !(await confirmDialog(part.confirm, scene.directory))) return false;
  control.ariaBusy = control.ariaDisabled = "true";
  try {
    const answer = await scene.act(scene.blockId, { type: part.type, action_id: actionId(part), ...fields });
    if (!answer.ok) toast(refusal(answer.error), "bad");
  } finally {
    control.ariaBusy = control.ariaDisabled = null;
  }
  return true;
}

/** What Slack would show as a warning sign beside the button, in words. */
function refusal(error) {
  if (error === "operation_timeout") return "The app did not answer that click within three seconds.";
  if (error === "dispatch_failed") return "The click could not be delivered: the app is not connected.";
  return `The click was refused: ${error ?? "no reason given"}.`;
}

function button(part, scene) {
  const style = part.style === "primary" || part.style === "danger" ? part.style : "plain";
  const node = h(
    "button",
    {
      type: "button",
      class: `button ${style}`,
      "aria-label": part.accessibility_label,
      dataset: { focusKey: `${scene.blockId}/${actionId(part)}` },
    },
    h("span", { class: "button-label" }, textObject(part.text, scene.directory)),
  );
  node.addEventListener("click", () => {
    const href = part.url && safeUrl(part.url);
    if (href) window.open(href, "_blank", "noopener");
    void dispatch(part, scene, node, part.value === undefined ? {} : { value: part.value });
  });
  return node;
}

function overflow(part, scene) {
  const node = h(
    "button",
    {
      type: "button",
      class: "button plain square",
      "aria-label": "More actions",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      dataset: { focusKey: `${scene.blockId}/${actionId(part)}` },
    },
    icon("dots"),
  );
  node.addEventListener("click", () =>
    openMenu(
      node,
      (part.options ?? []).map((option) => ({
        label: textObject(option.text, scene.directory),
        choose: () => {
          const href = option.url && safeUrl(option.url);
          if (href) window.open(href, "_blank", "noopener");
          void dispatch(part, scene, node, { selected_option: option });
        },
      })),
    ),
  );
  return node;
}
