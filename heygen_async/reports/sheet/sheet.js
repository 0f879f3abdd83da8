"use strict";
// Items are drawn in chunks near the window, and put away again: ten thousand of them at a time
// would make the page slow. All content is set as text, never as markup.
const sheet = JSON.parse(document.getElementById("content").textContent);
const list = document.getElementById("items");
const CHUNK = 10, PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const chosen = new Set();

function element(name, style, text) {
  const made = document.createElement(name);
  if (style) made.className = style;
  if (text) made.textContent = text;
  return made;
}

function picture(url, fit) {
  const frame = element("div", "frame");
  const image = element("img");
  image.alt = "";
  image.loading = "lazy";
  image.src = url;
  image.style.objectFit = fit === "crop" ? "cover" : fit;
  image.addEventListener("error", () => frame.replaceChildren("no picture"));
  frame.append(image);
  return frame;
}

function figure([name, position, fit]) {
  const [label, url, type] = sheet.files[position];
  const made = element("figure");
  const shown = url && !/^(audio|video|text)\b/.test(type);
  made.append(shown ? picture(url, fit) : element("div", "frame", type || "file"));
  made.append(element("figcaption", "", `${name}: ${label}`));
  return made;
}

function spoken(script, values) {
  const line = element("p");
  if (typeof script === "string") {
    line.textContent = script;
    return line;
  }
  const text = sheet.scenes[script];
  let end = 0;
  for (const found of text.matchAll(PLACEHOLDER)) {
    line.append(text.slice(end, found.index));
    const name = found[1].trim();
    const value = Object.hasOwn(values, name) ? values[name] : null;
    line.append(element("mark", value === null ? "absent" : "", value ?? found[0]));
    end = found.index + found[0].length;
  }
  line.append(text.slice(end));
  return line;
}

function scenes(scripts, values) {
  const made = element("ol", "scenes");
  for (const [script, seconds] of scripts) {
    const scene = element("li");
    scene.append(element("span", "", seconds ? `${seconds} s` : "silent"), spoken(script, values));
    made.append(scene);
  }
  return made;
}

function article(item) {
  const [key, values, scripts, files, look, voice, language, shape, seconds, cost, warnings] = item;
  const made = element("article", "item");
  made.append(element("h2", "", key));
  const [name, portrait] = look < 0 ? ["", ""] : sheet.looks[look];
  const words = scripts.reduce((sum, [, length]) => sum + length, 0);
  const spoken = words ? `${words.toFixed(1)} s of speech` : "length unknown";
  const length = seconds === null ? spoken : `${seconds} s`;
  const facts = [length, cost, shape, name, voice && `voice ${voice}`, language && `into ${language}`];
  made.append(element("p", "facts", facts.filter(Boolean).join(" · ")));
  if (warnings.length) {
    const notes = element("ul", "notes");
    for (const [kind, detail] of warnings) notes.append(element("li", sheet.kinds[kind], detail));
    made.append(notes);
  }
  const still = portrait || sheet.thumbnail;
  const view = element("div", still ? "view" : "view plain");
  if (still) {
    const frame = picture(still, "cover");
    if (/^\d+:\d+$/.test(shape)) frame.style.aspectRatio = shape.replace(":", "/");
    view.append(frame);
  }
  const texts = Object.entries(values).filter(([one]) => !sheet.spoken.has(one));
  const lines = scenes(scripts, values);
  for (const [one, value] of texts) {
    const shown = element("li");
    shown.append(element("span", "", "text"), element("p", "", `${one}: ${value}`));
    lines.append(shown);
  }
  view.append(lines);
  if (files.length) {
    const pictures = element("div", "pictures");
    pictures.append(...files.map(figure));
    view.append(pictures);
  }
  made.append(view);
  return made;
}

sheet.spoken = new Set();
for (const text of sheet.scenes) {
  for (const found of text.matchAll(PLACEHOLDER)) sheet.spoken.add(found[1].trim());
}

const chunks = new Map();
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting, boundingClientRect } of entries) {
    if (isIntersecting) {
      target.replaceChildren(...chunks.get(target).map(article));
      target.style.height = "";
    } else if (target.childElementCount) {
      target.style.height = `${boundingClientRect.height}px`;
      target.replaceChildren();
    }
  }
}, { rootMargin: "800px" });

function show() {
  const wanted = document.getElementById("find").value.toLowerCase();
  const fits = ([key, values, scripts, , , , , , , , warnings]) =>
    (!chosen.size || warnings.some(([kind]) => chosen.has(kind))) &&
    (!wanted || `${key}\n${Object.values(values).join("\n")}\n${scripts.join("\n")}`
      .toLowerCase().includes(wanted));
  const found = sheet.items.filter(fits);
  if (document.getElementById("order").value === "worst") {
    const worst = ([, , , , , , , , , , warnings]) => warnings.length ? warnings[0][0] : 99;
    found.sort((one, other) => worst(one) - worst(other));
  }
  near.disconnect();
  chunks.clear();
  list.replaceChildren();
  for (let start = 0; start < found.length; start += CHUNK) {
    const chunk = element("div");
    const items = found.slice(start, start + CHUNK);
    chunk.style.height = `${items.length * 240}px`;
    chunks.set(chunk, items);
    list.append(chunk);
    near.observe(chunk);
  }
  document.getElementById("shown").textContent =
    `${found.length.toLocaleString("en")} of ${sheet.items.length.toLocaleString("en")} shown`;
}

for (const button of document.querySelectorAll("button[data-kind]")) {
  button.addEventListener("click", () => {
    const kind = Number(button.dataset.kind);
    if (!chosen.delete(kind)) chosen.add(kind);
    button.setAttribute("aria-pressed", String(chosen.has(kind)));
    show();
  });
}
document.getElementById("find").addEventListener("input", show);
document.getElementById("order").addEventListener("input", show);
show();
