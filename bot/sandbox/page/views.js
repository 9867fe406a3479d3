/**
 * Forms (Slack's modal views): a stack of dialogs, their values, and the errors the app gives per block.
 * Called by the stream (view_opened, view_updated, view_closed) and by nothing else.
 * A value that a person typed survives an update of the view as long as block_id and action_id stay.
 */
import { client } from "./api.js";
import { h, icon, replace } from "./dom.js";
import { renderBlocks, textObject } from "./blocks/blocks.js";

/** The fields of one open form: how to read and to restore each. */
class Form {
  fields = [];

  register(scene, part, read, restore) {
    this.fields.push({
      blockId: scene.blockId,
      actionId: part.action_id ?? part.type,
      read,
      restore,
      inInput: Boolean(scene.inputId),
    });
  }

  /** Slack's `state.values`: block_id → action_id → { type, value… }. */
  values() {
    const values = {};
    for (const { blockId, actionId, read } of this.fields) (values[blockId] ??= {})[actionId] = read();
    return values;
  }

  restore(values) {
    for (const { blockId, actionId, restore } of this.fields) {
      const value = values[blockId]?.[actionId];
      if (value) restore(value);
    }
  }
}

export class Views {
  /** `here()` gives { user, directory, seen(event) } of the moment. */
  constructor(here) {
    this.here = here;
    this.open = new Map();
  }

  show(view) {
    if (this.open.has(view.id)) {
      this.update(view);
      return;
    }
    const dialog = h("dialog", { class: "dialog view" });
    const entry = { view, dialog, form: new Form(), before: document.activeElement };
    this.open.set(view.id, entry);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      void this.close(view.id);
    });
    document.body.append(dialog);
    this.fill(entry);
    dialog.showModal();
    (
      dialog.querySelector("[autofocus]") ??
      dialog.querySelector(".dialog-body :is(input,select,textarea)") ??
      dialog.querySelector(".submit")
    )?.focus();
  }

  update(view) {
    const entry =
      this.open.get(view.id) ??
      [...this.open.values()].find((one) => view.external_id && one.view.external_id === view.external_id);
    if (!entry) return;
    const typed = entry.form.values();
    const focus = entry.dialog.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
    entry.view = view;
    entry.form = new Form();
    this.fill(entry);
    entry.form.restore(typed);
    const again = [...entry.dialog.querySelectorAll("[data-focus-key]")].find(
      (node) => focus && node.dataset.focusKey === focus,
    );
    (again ?? entry.dialog.querySelector(".dialog-body :is(input,select,textarea)"))?.focus();
  }

  remove(viewId) {
    const entry = this.open.get(viewId);
    if (!entry) return;
    this.open.delete(viewId);
    entry.dialog.close();
    entry.dialog.remove();
    entry.before?.focus?.();
  }

  async close(viewId) {
    this.remove(viewId);
    await client.close({ user: this.here().user, view_id: viewId });
  }

  clear() {
    for (const viewId of [...this.open.keys()].reverse()) this.remove(viewId);
  }

  fill(entry) {
    const { view, dialog, form } = entry;
    const { directory, user } = this.here();
    const titleId = `title-${view.id}`;
    const act = (blockId, action) =>
      client.click({ user, view_id: view.id, block_id: blockId, values: form.values(), ...action });
    const scene = { directory, form, act };
    dialog.setAttribute("aria-labelledby", titleId);
    replace(
      dialog,
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id: titleId }, textObject(view.title, directory)),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => this.close(view.id) },
          icon("close"),
        ),
      ),
      h(
        "form",
        {
          class: "dialog-form",
          novalidate: true,
          onsubmit: (event) => {
            event.preventDefault();
            void this.submit(entry);
          },
        },
        h("div", { class: "dialog-body blocks" }, renderBlocks(view.blocks, scene)),
        h(
          "footer",
          { class: "dialog-foot" },
          h("span", { class: "form-error", role: "alert" }),
          h(
            "button",
            { type: "button", class: "button plain", onclick: () => this.close(view.id) },
            view.close ? textObject(view.close, directory) : "Close",
          ),
          view.submit &&
            h(
              "button",
              { type: "submit", class: "button primary submit" },
              h("span", { class: "button-label" }, textObject(view.submit, directory)),
            ),
        ),
      ),
    );
  }

  async submit(entry) {
    const { view, dialog, form } = entry;
    const missing = this.missing(entry);
    this.mark(dialog, missing);
    if (Object.keys(missing).length) return;
    const button = dialog.querySelector(".submit");
    if (button.ariaBusy) return;
    button.setAttribute("aria-busy", "true");
    const answer = await client.submit({ user: this.here().user, view_id: view.id, values: form.values() });
    button.removeAttribute("aria-busy");
    if (!answer.ok)
      this.mark(dialog, answer.errors ?? {}, answer.errors ? "" : "We had some trouble connecting. Try again?");
    else if (answer.response_action === "errors") this.mark(dialog, answer.errors ?? {});
    else if (answer.response_action === "clear") this.clear();
    else if (!["update", "push"].includes(answer.response_action)) this.remove(view.id);
  }

  /** What Slack checks before it asks the app: a field that is not optional must have a value. */
  missing({ view, form }) {
    const required = new Set(
      (view.blocks ?? []).filter((block) => block.type === "input" && !block.optional).map((block) => block.block_id),
    );
    const empty = (value) =>
      Object.entries(value).every(
        ([key, of]) => key === "type" || of === null || of === "" || (Array.isArray(of) && !of.length),
      );
    const errors = {};
    for (const { blockId, read } of form.fields)
      if (required.has(blockId) && empty(read())) errors[blockId] = "Please complete this required field.";
    return errors;
  }

  mark(dialog, errors, overall = "") {
    for (const field of dialog.querySelectorAll(".field")) {
      const text = errors[field.dataset.blockId] ?? "";
      replace(field.querySelector(".field-error"), text);
      field.classList.toggle("has-error", Boolean(text));
      field.querySelector("input,select,textarea,.choices")?.setAttribute("aria-invalid", String(Boolean(text)));
    }
    replace(dialog.querySelector(".form-error"), overall);
    dialog.querySelector(".has-error :is(input,select,textarea)")?.focus();
  }
}
