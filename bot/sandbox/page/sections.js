/**
 * Which parts of the page are in sight: the tabs of a phone, and whether the clusters' column is put away. Used by
 * app.js.
 */
import { h, icon, replace } from "./dom.js";

const SAVED = "kajitori.clusters";

export class Sections {
  constructor() {
    this.app = document.getElementById("app");
    this.clustersShown = localStorage.getItem(SAVED) !== "hidden";
    this.hasUnread = false;
    this.apply();
    this.show("chat");
  }

  /** On a phone, bring one section to the front; on a laptop all are in sight anyway. */
  show(name) {
    this.app.dataset.tab = name;
    this.draw(this.hasUnread);
  }

  toggleClusters() {
    this.clustersShown = !this.clustersShown;
    localStorage.setItem(SAVED, this.clustersShown ? "shown" : "hidden");
    this.apply();
  }

  apply() {
    this.app.classList.toggle("without-clusters", !this.clustersShown);
  }

  showThread(isOpen) {
    this.app.classList.toggle("with-thread", isOpen);
  }

  draw(hasUnread) {
    this.hasUnread = hasUnread;
    replace(
      document.getElementById("tabs"),
      this.tab("rooms", "Channels", "menu", hasUnread),
      this.tab("chat", "Chat", "reply"),
      this.tab("clusters", "Clusters", "cubes"),
    );
  }

  tab(name, label, mark, marked = false) {
    const current = this.app.dataset.tab === name ? "page" : null;
    return h(
      "button",
      { type: "button", class: "tab", "aria-current": current, onclick: () => this.show(name) },
      h("span", { class: "tab-mark" }, icon(mark, 21), marked && h("span", { class: "tab-dot" })),
      label,
    );
  }
}
