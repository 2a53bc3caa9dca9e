// A scatter plot in SVG: scales, axes, points, and finding the point at a place.
const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", "M-3.5,-3.5h7v7h-7Z", "M0,-4.5L4.5,3.5H-4.5Z", "M0,-5L4.5,0L0,5L-4.5,0Z",
  "M0,4.5L4.5,-3.5H-4.5Z", "M-1.5,-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z", "M-4,-2L-2,-4L0,-2L2,-4L4,-2L2,0L4,2L2,4L0,2L-2,4L-4,2L-2,0Z",
  "M-4.5,-1.5h9v3h-9Z",
];

// What is written on the page is set as text, never as markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function svg(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function shown(value) {
  if (value === null || value === undefined) return "—";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  const text = Number.isInteger(value) && size < 1e6 ? String(size)
    : size >= 100 ? size.toFixed(1) : size >= 1 ? size.toFixed(2) : size >= 0.001 ? size.toFixed(4) : size.toExponential(1);
  return (value < 0 ? "−" : "") + text;
}

// A scale says where a value stands between 0 and 1, and which ticks it has.
function linear(values) {
  let [low, high] = extent(values);
  if (low === high) [low, high] = [low - 1, high + 1];
  const margin = (high - low) * 0.04;
  const step = [1, 2, 5, 10].map(n => n * 10 ** Math.floor(Math.log10((high - low) / 5))).find(n => (high - low) / n <= 6);
  const [from, to] = [low - margin, high + margin];
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) {
    const value = n * step;
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    ticks.push([value, value.toFixed(Math.min(digits, 8)).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−")]);
  }
  return { at: value => (value - from) / (to - from), ticks };
}

function logarithmic(values) {
  const positive = values.filter(value => value > 0);
  const scale = linear(positive.map(Math.log10));
  let [low, high] = extent(positive.map(Math.log10));
  const step = Math.max(1, Math.ceil((high - low) / 7));
  const ticks = [];
  for (let power = Math.ceil(low - 0.2); power <= high + 0.2; power += step) {
    ticks.push([10 ** power, power >= -3 && power <= 5 ? String(Number((10 ** power).toFixed(3))) : `10${superscript(power)}`]);
  }
  return { at: value => (value > 0 ? scale.at(Math.log10(value)) : NaN), ticks };
}

function superscript(power) {
  return String(power).replace("-", "⁻").replace(/\d/g, digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
}

// Categories stand side by side; their points are spread by a fixed rule, so that they can be told apart.
function categorical(levels) {
  const at = (value, index) => (levels.indexOf(value) + 0.5 + (((index * 0.61803) % 1) - 0.5) * 0.6) / levels.length;
  return { at, ticks: levels.map(level => [level, level]), middle: value => (levels.indexOf(value) + 0.5) / levels.length };
}

function extent(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

class Plot {
  constructor(root) {
    this.root = root;
    this.points = [];
  }

  // points: [{ index, x, y, kind }], placed by the scales; returns those that have a place.
  draw(points, xScale, yScale, xLabel, yLabel) {
    const width = Math.max(260, this.root.parentElement.clientWidth);
    const height = Math.round(Math.min(400, Math.max(280, width * 0.6)));
    const [left, right, top] = [58, 12, 12];
    const room = (width - left - right) / Math.max(xScale.ticks.length, 1);
    const labels = xScale.ticks.map(([, text]) => lines(text, room));
    const bottom = 33 + 13 * Math.max(1, ...labels.map(label => label.length));
    const across = at => left + at * (width - left - right);
    const up = at => height - bottom - at * (height - top - bottom);
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("height", height);
    const made = [
      svg("path", { class: "axis", fill: "none", d: `M${left},${top}V${height - bottom}H${width - right}` }),
      svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
      svg("text", { transform: `translate(13 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel),
    ];
    for (const [place, [value]] of xScale.ticks.entries()) {
      const x = across(xScale.middle ? xScale.middle(value) : xScale.at(value));
      if (x < left || x > width - right) continue;
      made.push(svg("path", { class: "axis", d: `M${x},${height - bottom}v4` }));
      labels[place].forEach((line, number) => {
        made.push(svg("text", { x, y: height - bottom + 17 + 13 * number, "text-anchor": "middle" }, line));
      });
    }
    for (const [value, text] of yScale.ticks) {
      const y = up(yScale.middle ? yScale.middle(value) : yScale.at(value));
      if (y < top - 1 || y > height - bottom) continue;
      made.push(svg("path", { class: "axis", d: `M${left},${y}h-4` }));
      made.push(svg("text", { x: left - 7, y: y + 4, "text-anchor": "end" }, shortened(text, 50)));
    }
    this.points = [];
    const size = points.length > 4000 ? 0.5 : points.length > 800 ? 0.7 : 1;
    for (const point of points) {
      const [x, y] = [across(xScale.at(point.x, point.index)), up(yScale.at(point.y, point.index))];
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      const kind = point.kind % SHAPES.length;
      const node = svg("path", {
        class: `point c${kind}`, d: SHAPES[kind], "data-index": point.index,
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})${size < 1 ? ` scale(${size})` : ""}`,
      });
      made.push(node);
      this.points.push({ ...point, left: x, top: y, node, matches: true });
    }
    this.rings = [svg("circle", { class: "ring", r: 8, visibility: "hidden" }), svg("circle", { class: "ring chosen", r: 8, visibility: "hidden" })];
    this.root.replaceChildren(...made, ...this.rings);
  }

  filter(matches) {
    for (const point of this.points) {
      point.matches = matches(point.index);
      point.node.classList.toggle("dim", !point.matches);
    }
  }

  // The nearest point that matches within 14 pixels of a place on the screen.
  near(event) {
    const box = this.root.getBoundingClientRect();
    const zoom = this.root.viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    let [best, least] = [null, 14 ** 2];
    for (const point of this.points) {
      const distance = (point.left - x) ** 2 + (point.top - y) ** 2;
      if (point.matches && distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  // The next point that matches along an axis, for the arrow keys.
  next(from, axis, step) {
    const order = this.points.filter(point => point.matches).sort((a, b) => a[axis] - b[axis] || a.index - b.index);
    if (!order.length) return null;
    const place = from ? order.findIndex(point => point.index === from.index) : -1;
    return order[place < 0 ? 0 : Math.min(Math.max(place + step, 0), order.length - 1)];
  }

  ring(which, point) {
    const ring = this.rings[which];
    ring.setAttribute("visibility", point ? "visible" : "hidden");
    if (point) {
      ring.setAttribute("cx", point.left);
      ring.setAttribute("cy", point.top);
    }
  }
}

// A condition that is too long for its room goes on a line a level.
function lines(text, room) {
  return (text === shortened(text, room) ? [text] : text.split("/")).map(line => shortened(line, room));
}

function shortened(text, room) {
  const most = Math.max(3, Math.floor((room - 6) / 6.4));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
