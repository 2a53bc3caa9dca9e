// The item browser: what is plotted, and which item is open.
const COMPARED = 6;  // other models whose values can be put on an axis
const SKEWED = /^(cloze|rank)/;  // measures that are drawn on logarithmic axes unless the reader says otherwise
const DRAWN = 12000;  // points drawn at most; beyond that, they are taken evenly

function startBrowser(data) {
  const find = id => document.getElementById(id);
  const [modelBox, setBox, levelBox, xBox, yBox, colourBox] = ["model", "set", "level", "x", "y", "colour"].map(id => find(`choose-${id}`));
  const [xLog, yLog, search, tip, count, panel] = ["x-log", "y-log", "search", "tip", "count", "panel"].map(find);
  const plot = new Plot(find("plot"));
  const state = { columns: [], points: [], places: [], focus: null, chosen: null };

  const set = () => data.sets[Number(setBox.value)];
  const ofWords = () => levelBox.value === "words";
  const label = (name, group) => {
    const known = group.endsWith("people") ? set().units[name] : data.units[name.replace(/ \(.*/, "")];
    return known ? `${name.replaceAll("_", " ")} (${known})` : name.replaceAll("_", " ");
  };

  function fill(box, groups) {
    const before = box.value;
    box.replaceChildren(...groups.filter(([, options]) => options.length).map(([group, options]) => {
      const made = options.map(([value, text]) => element("option", { value }, text));
      return group ? element("optgroup", { label: group }, ...made) : made;
    }).flat());
    if ([...box.options].some(option => option.value === before)) box.value = before;
    box.closest("label").hidden = box.options.length < 2 && (box === modelBox || box === setBox || box === levelBox || box === colourBox);
  }

  // Every column that can be put on an axis, a value a point.
  function columnsOf() {
    const here = set();
    const mine = modelBox.value;
    const others = data.models.filter(name => name !== mine).slice(0, COMPARED);
    const flat = lists => (ofWords() ? state.places.map(({ trial, word }) => lists[trial]?.[word] ?? null) : lists);
    const made = [];
    const add = (group, prefix, columns, name = label) => {
      for (const [key, values] of Object.entries(columns)) {
        const text = name(key, group);
        made.push({ group, id: `${prefix}:${key}`, label: text, title: group === "people" ? `human ${text}` : text, values: flat(values), key });
      }
    };
    const kind = ofWords() ? "words" : "values";
    if (!ofWords()) {
      for (const [key, values] of Object.entries(here.categories)) {
        made.push({ group: "conditions", id: `c:${key}`, label: key.replaceAll("_", " "), values, levels: [...new Set(values)], key });
      }
    }
    add(mine, "m", here.models[mine][kind]);
    add("people", "p", ofWords() ? here.people_words : here.people);
    others.forEach(name => add("other models", `o:${name}`, here.models[name][kind], key => `${label(key, "")}, ${name}`));
    if (ofWords()) {
      const texts = state.places.map(({ trial, word }) => here.words[trial][word]);
      made.push({ group: "stimulus set", id: "s:position", label: "position in the text", values: state.places.map(({ word }) => word + 1) });
      made.push({ group: "stimulus set", id: "s:length", label: "length (characters)", values: texts.map(text => [...text].length) });
    } else {
      add("stimulus set", "s", here.numbers);
      made.push({ group: "stimulus set", id: "s:order", label: "order in the set", values: here.trials.item.map((_, index) => index + 1) });
    }
    return made.filter(column => column.values.some(value => value !== null));
  }

  // The axes that a reader would choose first.
  function defaults() {
    const ids = new Map(state.columns.map(column => [column.id, column]));
    const first = (...wanted) => wanted.find(id => ids.has(id)) ?? state.columns.find(one => /^[mp]:/.test(one.id) && new Set(one.values).size > 1)?.id ?? state.columns[0].id;
    const people = state.columns.find(column => column.group === "people")?.id;
    if (ofWords()) {
      yBox.value = people ?? first("m:surprisal");
      xBox.value = people ? first("m:surprisal") : "s:position";
    } else if (ids.has("p:cloze") && ids.has("m:cloze")) [xBox.value, yBox.value] = ["p:cloze", "m:cloze"];
    else {
      yBox.value = first("m:surprisal", "m:sentence_surprisal", "m:pseudo_log_likelihood");
      xBox.value = state.columns.find(column => column.levels)?.id ?? people ?? "s:order";
    }
    guessScale(xBox, xLog);
    guessScale(yBox, yLog);
  }

  const column = box => state.columns.find(one => one.id === box.value);

  function guessScale(box, check) {
    const { levels, values } = column(box);
    const [low, high] = levels ? [1, 1] : extent(values.filter(value => value !== null));
    check.disabled = Boolean(levels) || high <= 0;
    check.checked = !levels && SKEWED.test(column(box).key) && low > 0 && high / low >= 100;
  }

  function changeSet() {
    const here = set();
    const parts = here.unit === "word" ? "words" : "regions";
    const whole = Object.values(here.models).some(one => Object.keys(one.values).length);
    const levels = [...(whole || !here.words.length ? [["trials", "sentences"]] : []), ...(here.words.length ? [["words", parts]] : [])];
    fill(levelBox, [["", levels]]);
    find("about").textContent = here.about;
    find("about").lang = here.language;
    const cut = [];
    if (here.shown < here.items) cut.push(`${here.shown.toLocaleString("en")} of ${here.items.toLocaleString("en")} items, taken evenly`);
    if (here.cut) cut.push("long texts up to a limit");
    find("sampled").textContent = cut.length ? `To keep this page small it holds ${cut.join(", and ")}; results.parquet has all.` : "";
    close();
    changeColumns(true);
  }

  function changeColumns(anew) {
    const here = set();
    if (ofWords()) {
      const every = here.words.flatMap((texts, trial) => texts.map((_, word) => ({ trial, word })));
      const step = Math.max(1, every.length / DRAWN);
      state.places = Array.from({ length: Math.floor(every.length / step) }, (_, n) => every[Math.floor(n * step)]);
    } else state.places = here.trials.item.map((_, trial) => ({ trial, word: null }));
    state.columns = columnsOf();
    if (!state.columns.length) return;
    const groups = [...new Set(state.columns.map(one => one.group))];
    const options = wanted => groups.map(group => [group, state.columns.filter(one => one.group === group && wanted(one)).map(one => [one.id, one.label])]);
    fill(xBox, options(() => true));
    fill(yBox, options(one => !one.levels));
    fill(colourBox, [["", [["", "nothing"], ...(ofWords() ? [] : state.columns.filter(one => one.levels).map(one => [one.id, one.label]))]]]);
    if (anew) {
      defaults();
      colourBox.value = state.columns.find(one => one.levels)?.id ?? "";
    }
    draw();
  }

  function draw() {
    const [x, y, colour] = [column(xBox), column(yBox), column(colourBox)];
    if (!x || !y) return;
    const scale = (one, check) => {
      const values = one.values.filter(value => value !== null);
      return one.levels ? categorical(one.levels) : check.checked ? logarithmic(values) : linear(values);
    };
    const points = [];
    state.places.forEach((_, index) => {
      if (x.values[index] === null || y.values[index] === null) return;
      points.push({ index, x: x.values[index], y: y.values[index], kind: colour ? colour.levels.indexOf(colour.values[index]) : 0 });
    });
    const title = one => one.title ?? one.label;
    plot.draw(points, scale(x, xLog), scale(y, yLog), title(x), title(y));
    find("plot").setAttribute("aria-label", `Scatter plot of ${title(y)} by ${title(x)}, ${plot.points.length} points. Arrow keys move from point to point, Enter opens the item.`);
    find("legend").replaceChildren(...(colour?.levels ?? []).map((level, kind) => {
      const sign = svg("svg", { viewBox: "-6 -6 12 12", "aria-hidden": "true" });
      sign.append(svg("path", { class: `c${kind}`, d: SHAPES[kind] }));
      return element("span", {}, sign, level);
    }));
    state.focus = null;
    filter();
    mark();
  }

  function matches(index) {
    const wanted = search.value.trim().normalize("NFC").toLowerCase();
    if (!wanted) return true;
    const { trial, word } = state.places[index];
    const { item, condition, context, sentence, target } = set().trials;
    const fields = [item[trial], condition[trial], target[trial], ...(word === null ? [context[trial], sentence[trial]] : [set().words[trial][word]])];
    return fields.some(field => field.normalize("NFC").toLowerCase().includes(wanted));
  }

  function filter() {
    plot.filter(matches);
    const found = plot.points.filter(point => point.matches).length;
    const left = state.places.length - plot.points.length;
    count.textContent = `${found.toLocaleString("en")} of ${plot.points.length.toLocaleString("en")} points`
      + (left ? `; ${left.toLocaleString("en")} without a value that can be drawn` : "");
  }

  function describe({ index }) {
    const { trial, word } = state.places[index];
    const here = set();
    const name = [here.trials.item[trial], here.trials.condition[trial], word === null ? here.trials.target[trial] : `“${here.words[trial][word]}”`];
    const [x, y] = [column(xBox), column(yBox)];
    const values = [x, y].filter(one => !one.levels).map(one => `${one.title ?? one.label} ${shown(one.values[index])}`);
    return [...name, ...values].filter(Boolean).join(" · ");
  }

  function hover(point) {
    plot.ring(0, point);
    tip.textContent = point ? describe(point) : "";
  }

  function mark() {
    plot.ring(1, state.chosen && plot.points.find(({ index }) => {
      const { trial, word } = state.places[index];
      return trial === state.chosen.trial && word === state.chosen.word;
    }));
  }

  function open(place) {
    state.chosen = place;
    const here = set();
    const title = element("h3", { tabindex: "-1" }, `${here.trials.item[place.trial]}, ${modelBox.value}`);
    const button = (text, action) => {
      const made = element("button", { type: "button" }, text);
      made.addEventListener("click", action);
      return made;
    };
    panel.replaceChildren(
      element("header", {}, title, button("previous", () => step(-1)), button("next", () => step(1)), button("close", close)),
      ...panelOf(here, modelBox.value, label, place));
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
    mark();
  }

  // The item (or, of words, the word) before or after the open one, among those that match.
  function step(by) {
    const items = set().trials.item;
    const key = ({ trial, word }) => (word === null ? items[trial] : `${trial} ${word}`);
    const stops = new Map();
    state.places.forEach((place, index) => {
      if (matches(index) && !stops.has(key(place))) stops.set(key(place), place);
    });
    const keys = [...stops.keys()];
    const next = keys[keys.indexOf(key(state.chosen)) + by];
    if (next !== undefined) open(stops.get(next));
  }

  function close() {
    state.chosen = null;
    panel.hidden = true;
    if (plot.rings) mark();
  }

  const root = find("plot");
  root.addEventListener("pointermove", event => hover(plot.near(event)));
  root.addEventListener("pointerleave", () => hover(state.focus));
  root.addEventListener("click", event => {
    const point = plot.near(event);
    if (point) open(state.places[point.index]);
  });
  root.addEventListener("keydown", event => {
    const moves = { ArrowRight: ["left", 1], ArrowLeft: ["left", -1], ArrowUp: ["top", -1], ArrowDown: ["top", 1] };
    if (event.key in moves) {
      event.preventDefault();
      state.focus = plot.next(state.focus, ...moves[event.key]);
      hover(state.focus);
    } else if (event.key === "Enter" && state.focus) {
      event.preventDefault();
      open(state.places[state.focus.index]);
      panel.querySelector("h3").focus();
    }
  });
  panel.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    close();
    root.focus();
  });
  search.addEventListener("input", filter);
  search.addEventListener("keydown", event => {
    const point = event.key === "Enter" && plot.next(null, "left", 0);
    if (point) open(state.places[point.index]);
  });
  modelBox.addEventListener("change", () => {
    changeColumns(false);
    if (state.chosen) open(state.chosen);
  });
  setBox.addEventListener("change", changeSet);
  levelBox.addEventListener("change", () => { close(); changeColumns(true); });
  colourBox.addEventListener("change", draw);
  for (const [box, check] of [[xBox, xLog], [yBox, yLog]]) {
    box.addEventListener("change", () => { guessScale(box, check); draw(); });
    check.addEventListener("change", draw);
  }
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 2) return;
    width = entry.contentRect.width;
    draw();
  }).observe(root.parentElement);

  fill(modelBox, [["", data.models.map(name => [name, name])]]);
  fill(setBox, [["", data.sets.map((one, index) => [String(index), one.name])]]);
  changeSet();
}

const browserData = document.getElementById("browser-data");
if (browserData) startBrowser(JSON.parse(browserData.textContent));
