/** Slack's `confirm` object as a dialog. Called before a dangerous click is sent. */
import { h } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const words = (text, directory) => (text?.type === "mrkdwn" ? mrkdwn(text.text, directory) : [text?.text ?? ""]);

/** Ask; resolves to true only for the confirming button (Esc and a click outside are a no). */
export function confirmDialog(confirm, directory) {
  return new Promise((resolve) => {
    const titleId = `confirm-${crypto.randomUUID()}`;
    const before = document.activeElement;
    const finish = (answer) => {
      dialog.close();
      dialog.remove();
      before?.focus?.();
      resolve(answer);
    };
    const deny = h(
      "button",
      { type: "button", class: "button plain", onclick: () => finish(false) },
      words(confirm.deny, directory),
    );
    const accept = h(
      "button",
      {
        type: "button",
        class: `button ${confirm.style === "danger" ? "danger solid" : "primary"}`,
        onclick: () => finish(true),
      },
      words(confirm.confirm, directory),
    );
    const dialog = h(
      "dialog",
      { class: "dialog small", "aria-labelledby": titleId, role: "alertdialog" },
      h("header", { class: "dialog-head" }, h("h2", { id: titleId }, words(confirm.title, directory))),
      h("div", { class: "dialog-body text" }, words(confirm.text, directory)),
      h("footer", { class: "dialog-foot" }, deny, accept),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      finish(false);
    });
    dialog.addEventListener("pointerdown", (event) => {
      if (event.target === dialog) finish(false);
    });
    document.body.append(dialog);
    dialog.showModal();
    (confirm.style === "danger" ? deny : accept).focus();
  });
}
