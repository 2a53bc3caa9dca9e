// The panel of an item: its texts with each word's surprisal, its measures in every condition, and completions.
const DARKEST = 16;  // bits, from which on words are shaded alike
const AROUND = 80;  // words shown on each side of the chosen one
const BITS = { surprisal: 1, log_probability: -1 / Math.LN2, pseudo_log_likelihood: -1 / Math.LN2 };

function panelOf(set, model, unit, chosen) {
  const { trials } = set;
  const item = trials.item[chosen.trial];
  const members = trials.item.flatMap((one, index) => (one === item ? [index] : []));
  const mine = set.models[model];
  const parts = members.map(trial => textOf(set, mine, trial, chosen));
  if (!set.words.length) {
    parts.push(element("p", { class: "soft" }, "This run has no scores of single words; the measure ",
      element("code", {}, "surprisal: {words: all}"), " gives them."));
  }
  const columns = element("div", { class: "columns" }, measuresTable(set, mine, members, chosen, unit));
  const completions = completionTables(set, mine, members);
  columns.append(...completions);
  parts.push(columns);
  if (!completions.length && members.some(trial => trials.target[trial])) {
    parts.push(element("p", { class: "soft" }, "This run has no completions; the measure ",
      element("code", {}, "cloze: {top_k: 5}"), " gives the model’s own words."));
  }
  return parts;
}

function textOf(set, mine, trial, chosen) {
  const { trials } = set;
  const [sentence, target, start] = [trials.sentence[trial], trials.target[trial], trials.start[trial]];
  const text = element("p", { class: "text" });
  if (trials.context[trial]) text.append(element("span", { class: "context" }, `${trials.context[trial]} `));
  const measure = Object.keys(BITS).find(name => mine.words[name]?.[trial]?.length);
  const within = [start, start + target.length];
  if (measure) {
    text.append(...words(set.words[trial], sentence, within, mine.words[measure][trial], BITS[measure],
      trial === chosen.trial ? chosen.word : null));
  } else if (target && start >= 0) {
    const bits = mine.values.surprisal?.[trial];
    const mark = element("mark", { title: bits == null ? null : `${shown(bits)} bits` }, target);
    text.append(sentence.slice(0, start), mark, sentence.slice(within[1]));
  } else text.append(sentence);
  const box = element("div", { class: trial === chosen.trial ? "trial chosen" : "trial", lang: set.language });
  if (trials.condition[trial]) box.append(element("div", { class: "condition soft" }, trials.condition[trial]));
  box.append(text);
  return box;
}

// Words stand where the sentence has them; what lies between them, spaces or nothing, stays between them.
function words(texts, sentence, within, values, toBits, chosen) {
  const made = [];
  const first = chosen === null ? 0 : Math.max(0, chosen - AROUND);
  const last = Math.min(texts.length, chosen === null ? 2 * AROUND : chosen + AROUND + 1);
  let end = 0;
  texts.forEach((text, number) => {
    const begin = sentence.indexOf(text, end);
    const gap = begin > end ? sentence.slice(end, begin) : "";
    const at = begin < 0 ? end : begin;
    if (number >= first && number < last) {
      if (number === first && first > 0) made.push("… ");
      made.push(gap, word(text, values[number], toBits, at < within[1] && at + text.length > within[0], number === chosen));
    }
    if (begin >= 0) end = begin + text.length;
  });
  if (last < texts.length) made.push(` … (${texts.length.toLocaleString("en")} words in all)`);
  return made;
}

function word(text, value, toBits, target, here) {
  const bits = value == null ? null : value * toBits;
  const said = bits === null ? "no value" : `${bits.toFixed(1)} bits`;
  const made = element("span", { class: `word${target ? " target" : ""}${here ? " here" : ""}`, title: said },
    element("span", {}, text), element("small", {}, bits === null ? "—" : bits.toFixed(1)));
  if (bits !== null) made.style.setProperty("--share", `${Math.round(60 * Math.min(Math.max(bits, 0) / DARKEST, 1))}%`);
  return made;
}

function measuresTable(set, mine, members, chosen, unit) {
  const { trials } = set;
  const current = trial => (members.length > 1 && trial === chosen.trial ? " current" : "");
  const heads = members.map(trial => element("th", { class: `number${current(trial)}` }, trials.condition[trial] || "value"));
  const body = element("tbody");
  if (members.some(trial => trials.target[trial])) {
    body.append(element("tr", {}, element("th", { scope: "row" }, "target"),
      ...members.map(trial => element("td", { class: `number${current(trial)}`, lang: set.language }, trials.target[trial]))));
  }
  const groups = [["the model", mine.values], ["people", set.people], ["the stimulus set", set.numbers]];
  if (chosen.word !== null) {
    const of = lists => Object.fromEntries(Object.entries(lists).map(([name, all]) =>
      [name, all.map((values, trial) => (trial === chosen.trial ? values[chosen.word] : null))]));
    const [text] = [set.words[chosen.trial][chosen.word]];
    groups.unshift([`“${text}”, the model`, of(mine.words)], [`“${text}”, people`, of(set.people_words)]);
  }
  for (const [group, columns] of groups) {
    const names = Object.keys(columns).filter(name => members.some(trial => columns[name][trial] != null));
    if (names.length) body.append(element("tr", { class: "group" }, element("th", { colspan: members.length + 1, scope: "rowgroup" }, group)));
    for (const name of names) {
      body.append(element("tr", {}, element("th", { scope: "row" }, unit(name, group)),
        ...members.map(trial => element("td", { class: `number${current(trial)}` }, shown(columns[name][trial])))));
    }
  }
  const table = element("table", {}, element("thead", {}, element("tr", {}, element("th", {}, ""), ...heads)), body);
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "measures of this item" }, table);
}

// Conditions with the same beginning have the same completions: these are shown once.
function completionTables(set, mine, members) {
  const lists = new Map();
  for (const trial of members) {
    const list = mine.completions[trial];
    if (!list?.length) continue;
    const key = JSON.stringify(list);
    if (!lists.has(key)) lists.set(key, { list, trials: [] });
    lists.get(key).trials.push(trial);
  }
  return [...lists.values()].map(({ list, trials }) => {
    const targets = new Set(trials.map(trial => set.trials.target[trial]));
    const where = lists.size > 1 ? ` (${trials.map(trial => set.trials.condition[trial]).join(", ")})` : "";
    const body = element("tbody", { lang: set.language }, ...list.map(([text, share]) => element("tr", {},
      element("td", { class: targets.has(text) ? "hit" : null }, text),
      element("td", { class: "number" }, shown(share)),
      element("td", {}, bar(share ?? 0)))));
    return element("table", { class: "completions" }, element("caption", {}, `the model’s own words${where}`),
      element("thead", {}, element("tr", {}, element("th", {}, "word"), element("th", { class: "number" }, "cloze"), element("th", {}, ""))), body);
  });
}

function bar(share) {
  const made = element("span", { class: "bar", "aria-hidden": "true" });
  made.style.setProperty("--share", `${100 * share}%`);
  return made;
}
