/**
 * Dark or light before the first paint: what the person chose here, else what their system says.
 * A classic script on purpose: a module would run after the paint.
 */
(() => {
  const saved = localStorage.getItem("kajitori.theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
  };
  apply(saved ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", (event) => {
    if (!localStorage.getItem("kajitori.theme")) apply(event.matches ? "dark" : "light");
  });
  globalThis.kajitoriTheme = {
    current: () => document.documentElement.dataset.theme,
    set(theme) {
      localStorage.setItem("kajitori.theme", theme);
      apply(theme);
    },
  };
})();
