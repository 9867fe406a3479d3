/**
 * The box where a person types: Enter sends, Shift+Enter breaks the line, arrows walk through completions or earlier
 * lines.
 * Used by the channel pane and the thread pane. It knows nothing of the server: `hooks.send(text)` does the rest.
 */
import { avatar } from "./avatar.js";
import { proposals, usageAt } from "./completion.js";
import { announce, h, icon, replace } from "./dom.js";

const REMEMBERED_LINES = 50;
const TALLEST_PX = 180;

export class Composer {
  /** `hooks`: { directory(), send(text), threaded }. `name` keeps element ids apart. */
  constructor(node, name, hooks) {
    this.hooks = hooks;
    this.name = name;
    this.lines = [];
    this.recalled = -1;
    this.offered = [];
    this.chosen = 0;
    this.build(node);
  }

  build(node) {
    const listId = `${this.name}-completion`;
    this.list = h("div", {
      class: "completion",
      id: listId,
      role: "listbox",
      "aria-label": "Suggestions",
      hidden: true,
    });
    this.usage = h("div", { class: "usage", "aria-hidden": "true", hidden: true });
    this.box = h("textarea", {
      id: `${this.name}-box`,
      class: "composer-box",
      rows: "1",
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": listId,
      autocomplete: "off",
      spellcheck: "false",
      enterkeyhint: "send",
    });
    this.button = h(
      "button",
      { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)", disabled: true },
      icon("send", 18),
    );
    const form = h(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.send();
        },
      },
      this.list,
      this.usage,
      h("div", { class: "composer-line" }, this.box, this.button),
    );
    this.box.addEventListener("input", () => {
      this.recalled = -1;
      this.refresh();
    });
    this.box.addEventListener("click", () => this.refresh());
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    this.box.addEventListener("blur", () => setTimeout(() => this.hide(), 120));
    replace(node, form);
  }

  label(text) {
    this.box.placeholder = text;
    this.box.setAttribute("aria-label", text);
  }

  /** Put a text into the box for the person to look at and send. */
  fill(text) {
    this.box.value = text;
    this.box.focus();
    this.box.setSelectionRange(text.length, text.length);
    this.refresh();
  }

  focus() {
    this.box.focus();
  }

  send() {
    const text = this.box.value.trim();
    if (!text) return;
    if (this.lines.at(-1) !== text) this.lines.push(text);
    this.lines = this.lines.slice(-REMEMBERED_LINES);
    this.recalled = -1;
    this.box.value = "";
    this.refresh();
    this.hooks.send(text);
  }

  refresh() {
    const { box } = this;
    this.button.disabled = !box.value.trim();
    box.style.setProperty("height", "auto");
    box.style.setProperty("height", `${Math.min(TALLEST_PX, box.scrollHeight)}px`);
    this.offered = proposals(box.value, box.selectionStart, this.hooks.directory(), this.hooks);
    this.chosen = 0;
    this.drawList();
    this.drawUsage();
  }

  drawUsage() {
    const usage = this.offered.length ? null : usageAt(this.box.value, this.box.selectionStart, this.hooks.directory());
    this.usage.hidden = !usage;
    if (usage)
      replace(
        this.usage,
        h("code", {}, usage.command),
        usage.words.map((word) => h("span", { class: word.active ? "word active" : "word" }, word.text)),
      );
  }

  drawList() {
    const open = this.offered.length > 0;
    this.list.hidden = !open;
    this.box.setAttribute("aria-expanded", String(open));
    if (!open) {
      this.box.removeAttribute("aria-activedescendant");
      return;
    }
    replace(
      this.list,
      this.offered.map((one, index) => this.option(one, index)),
      h(
        "div",
        { class: "completion-keys", "aria-hidden": "true" },
        h("kbd", {}, "↑"),
        h("kbd", {}, "↓"),
        " to move ",
        h("kbd", {}, "Tab"),
        " to take ",
        h("kbd", {}, "Esc"),
        " to close",
      ),
    );
    this.mark();
  }

  option(one, index) {
    const node = h(
      "div",
      { class: `completion-option ${one.kind}`, role: "option", id: `${this.name}-option-${index}` },
      one.author &&
        (one.author.isGroup
          ? h("span", { class: "avatar small group", "aria-hidden": "true" }, icon("at", 15))
          : avatar(one.author, "small")),
      h(
        "span",
        { class: "completion-label" },
        one.label,
        one.usage && h("span", { class: "completion-usage" }, ` ${one.usage}`),
      ),
      one.note && h("span", { class: "completion-note" }, one.note),
    );
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.chosen = index;
      this.take();
    });
    node.addEventListener("pointermove", () => {
      if (this.chosen !== index) {
        this.chosen = index;
        this.mark();
      }
    });
    return node;
  }

  mark() {
    for (const [index, node] of [...this.list.querySelectorAll("[role=option]")].entries()) {
      node.setAttribute("aria-selected", String(index === this.chosen));
      if (index === this.chosen) node.scrollIntoView({ block: "nearest" });
    }
    this.box.setAttribute("aria-activedescendant", `${this.name}-option-${this.chosen}`);
  }

  hide() {
    this.offered = [];
    this.drawList();
    this.drawUsage();
  }

  take() {
    const one = this.offered[this.chosen];
    const { value } = this.box;
    const rest = value.slice(one.to).replace(/^ /, "");
    this.box.value = value.slice(0, one.from) + one.insert + rest;
    const caret = one.from + one.insert.length;
    this.box.setSelectionRange(caret, caret);
    this.refresh();
    announce(`${one.label} ${one.usage ?? ""}`);
  }

  /** True when Enter should send although a completion is open: the word is already whole. */
  get isWhole() {
    const one = this.offered[this.chosen];
    return one && this.box.value.slice(one.from, one.to).toLowerCase() === one.insert.trim().toLowerCase();
  }

  onKey(event) {
    if (event.isComposing) return; // an input method is choosing characters: Enter belongs to it
    if (this.offered.length && this.onCompletionKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && (this.box.value === "" || this.recalled >= 0)) this.recall(event, 1);
    else if (event.key === "ArrowDown" && this.recalled >= 0) this.recall(event, -1);
  }

  onCompletionKey(event) {
    const count = this.offered.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.chosen = (this.chosen + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.mark();
      return true;
    }
    if (event.key === "Escape") {
      this.hide();
      return true;
    }
    if (event.key === "Tab" && !event.shiftKey) {
      this.take();
      return true;
    }
    if (event.key === "Enter" && !event.shiftKey && !this.isWhole) {
      this.take();
      return true;
    }
    return false;
  }

  /** Walk through what was sent before; past the newest the box is empty again. */
  recall(event, step) {
    const next = this.recalled + step;
    if (next >= this.lines.length) return;
    event.preventDefault();
    this.recalled = next;
    this.box.value = next < 0 ? "" : this.lines.at(-1 - next);
    const keep = next;
    this.refresh();
    this.recalled = keep;
    this.hide();
  }
}
