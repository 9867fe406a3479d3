/**
 * The chart block: lines, areas, bars or a pie, drawn as SVG with its legend and its axis. Called by blocks.js.
 * Words of the chart are text nodes only; a chart of no use (no series, no numbers) says so.
 */
import { h, svg } from "../dom.js";

const WIDTH = 440;
const HEIGHT = 150;
const LEFT = 46;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 22;
const COLOURS = 6;

/** A block of type data_visualization. */
export function chart(block) {
  const { type } = block.chart ?? {};
  const drawn = type === "pie" ? pie(block) : plot(block);
  return h("figure", { class: "chart" }, h("figcaption", {}, String(block.title ?? "")), drawn ?? "Nothing to draw.");
}

function legend(names) {
  return h(
    "ul",
    { class: "chart-legend" },
    names.map((name, index) => h("li", { class: `series-${index % COLOURS}` }, h("i"), name)),
  );
}

function plot(block) {
  const { type, series = [], axis_config: axes = {} } = block.chart ?? {};
  const categories = axes.categories ?? [];
  const values = series.flatMap((one) => (one.data ?? []).map((point) => Number(point.value)).filter(Number.isFinite));
  if (!categories.length || !values.length) return null;
  const low = Math.min(0, ...values);
  const high = Math.max(...values) > low ? Math.max(...values) : low + 1;
  const width = (WIDTH - LEFT - RIGHT) / categories.length;
  const x = (label) => LEFT + (categories.indexOf(label) + 0.5) * width;
  const y = (value) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const points = (one) =>
    (one.data ?? [])
      .filter((point) => categories.includes(point.label) && Number.isFinite(Number(point.value)))
      .map((point) => [x(point.label), y(Number(point.value))]);
  const lines = [low, (low + high) / 2, high].flatMap((value) => [
    svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "chart-grid" }),
    svg("text", { x: LEFT - 7, y: y(value) + 4, class: "chart-word last" }, short(value)),
  ]);
  const shapes = series.flatMap((one, index) => shape(type, points(one), { index, of: series.length, width, y0: y(low) }));
  const words = `${block.title ?? "Chart"}: ${series.map((one) => `${one.name} ${last(one)}`).join(", ")}`;
  return [
    legend(series.map((one) => String(one.name))),
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
      ...lines,
      ...shapes,
      svg("text", { x: LEFT, y: HEIGHT - 5, class: "chart-word" }, String(categories[0])),
      svg("text", { x: WIDTH - RIGHT, y: HEIGHT - 5, class: "chart-word last" }, String(categories.at(-1))),
    ),
  ];
}

function shape(type, points, { index, of, width, y0 }) {
  const tone = `series-${index % COLOURS}`;
  if (!points.length) return [];
  if (type === "bar") {
    const each = (width * 0.7) / of;
    return points.map(([x, y]) =>
      svg("rect", {
        x: x - width * 0.35 + index * each,
        y: Math.min(y, y0),
        width: each,
        height: Math.abs(y0 - y),
        class: `chart-bar ${tone}`,
      }),
    );
  }
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const drawn = [svg("polyline", { points: line, class: `chart-line ${tone}` })];
  if (type === "area") {
    const ground = `${points[0][0]},${y0} ${line} ${points.at(-1)[0]},${y0}`;
    drawn.unshift(svg("polygon", { points: ground, class: `chart-area ${tone}` }));
  }
  return drawn;
}

/** Segments of a ring: each is a dash of the circle's own length. */
function pie(block) {
  const segments = block.chart.segments ?? [];
  const total = segments.reduce((sum, one) => sum + Number(one.value), 0);
  if (!(total > 0)) return null;
  let before = 0;
  const rings = segments.map((one, index) => {
    const part = (100 * Number(one.value)) / total;
    const ring = svg("circle", {
      cx: 21,
      cy: 21,
      r: 15.915,
      "stroke-dasharray": `${part} ${100 - part}`,
      "stroke-dashoffset": 25 - before,
      class: `chart-ring series-${index % COLOURS}`,
    });
    before += part;
    return ring;
  });
  const names = segments.map((one) => `${one.label}: ${one.value}`);
  return [
    legend(names),
    svg("svg", { viewBox: "0 0 42 42", class: "chart-pie", role: "img", "aria-label": names.join(", ") }, ...rings),
  ];
}

function last(one) {
  return short(Number((one.data ?? []).at(-1)?.value));
}

function short(value) {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}
